// What AWS KMS answers when it does what it was asked (status 200). Sans-I/O; thread-safe. Each
// parser takes anything, and fails with Code::invalid_argument on what is not such an answer; no
// message holds any of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/wiped_string.h"
#include "crypto/secret.h"

namespace keyhold::kms::aws {

struct Encrypted {
  ByteVector ciphertext;  // 1 to 6144 bytes
  std::string key_arn;
  std::string algorithm;  // SYMMETRIC_DEFAULT
};

struct Decrypted {
  crypto::Key256 key;  // empty: what was wrapped is no 256-bit key, so it is none of ours
  std::string key_arn;
  std::string key_material_id;  // may be empty: KMS has told it since 2025
};

// Key states: AWS KMS Developer Guide, "Key states of AWS KMS keys".
struct KeyMetadata {
  std::string arn;
  std::string state;                // Enabled, Disabled, PendingDeletion, …
  std::string usage;                // ENCRYPT_DECRYPT
  std::string key_spec;             // SYMMETRIC_DEFAULT
  std::string origin;               // AWS_KMS, EXTERNAL, AWS_CLOUDHSM, EXTERNAL_KEY_STORE
  std::string current_material_id;  // changes with a rotation; may be empty
  std::optional<WallTime> deletion_date;
  std::optional<WallTime> valid_to;  // of imported key material that expires
  bool multi_region = false;
};

keyhold::Result<Encrypted> parse_encrypt(std::string_view body);
// Takes the key out of the body.
keyhold::Result<Decrypted> parse_decrypt(WipedString& body);
keyhold::Result<KeyMetadata> parse_describe(std::string_view body);

// The most that Decrypt takes; AWS KMS API Reference, "Decrypt".
inline constexpr std::size_t kMaxCiphertextBytes = 6144;

}  // namespace keyhold::kms::aws
