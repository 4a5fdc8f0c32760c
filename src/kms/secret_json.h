// A key in a KMS's JSON: in and out without a copy that stays behind.
//
// Thread-safe. Sans-I/O.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/wiped_string.h"
#include "crypto/secret.h"

namespace keyhold::kms {

// Takes a 256-bit key out of a JSON text (RFC 8259): the string value of the member `name`, base64,
// wherever in the text it stands. The bytes go straight into locked memory and the value is
// overwritten with as many 'A's, so that what is left can be parsed by others.
// Code::invalid_argument where there is not exactly one such member, or its value is not the base64
// of 32 bytes; the message holds none of the text.
keyhold::Result<crypto::Key256> take_key(WipedString& json, std::string_view name);

// Its base64, 44 characters, at the end of the text.
void append_key(WipedString& to, const crypto::Key256& key);

}  // namespace keyhold::kms
