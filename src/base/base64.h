// Base64 and base64url (RFC 4648, sections 4 and 5), strict.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/wiped_string.h"

namespace keyhold {

std::string to_base64(ByteView bytes);     // padded
std::string to_base64url(ByteView bytes);  // without padding, as JWTs have it (RFC 7515)

// Code::invalid_argument where a character is not of the alphabet, the padding is missing or
// superfluous, or bits after the last byte are not zero. The message holds none of the text.
Result<ByteVector> from_base64(std::string_view text);
Result<ByteVector> from_base64url(std::string_view text);

// For secrets: no other copy is made.
void append_base64(WipedString& to, ByteView bytes);
// Code::invalid_argument also where the text holds another number of bytes than `to`, which is then
// wiped.
Status decode_base64(std::string_view text, MutableByteView to);

}  // namespace keyhold
