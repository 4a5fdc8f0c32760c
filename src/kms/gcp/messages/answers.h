// What Cloud KMS answers when it does what it was asked (status 200). Sans-I/O; thread-safe. Each
// parser takes anything. Code::invalid_argument: not such an answer. Code::integrity: a checksum
// does not fit, so that bytes were changed on the way. No message holds any of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/wiped_string.h"
#include "kms/client.h"
#include "kms/gcp/uri.h"

namespace keyhold::kms::gcp {

// request_id is left empty. KMS has to say that it checked our checksums.
keyhold::Result<WrappedKey> parse_encrypt(const KeyName& key, std::string_view body);
// Takes the key out of the body. key_version and request_id are left empty.
keyhold::Result<UnwrappedKey> parse_decrypt(WipedString& body);

// A key with its primary version, or one version.
struct Described {
  std::string purpose;  // ENCRYPT_DECRYPT, …; of a version: from its algorithm, else empty
  std::string version;  // "N"; empty: no primary
  std::string state;    // ENABLED, DISABLED, DESTROY_SCHEDULED, …
  std::optional<WallTime> destroy_time;
};
keyhold::Result<Described> parse_describe(const KeyName& key, std::string_view body);

// Google's RFC 3339: seconds with up to nine digits after the point, Z.
std::optional<WallTime> parse_time(std::string_view text);

}  // namespace keyhold::kms::gcp
