// The key ring on disk, format 1 (docs/formats/keyring.md): pure parse and serialize.
//
//   offset     size
//   0          8    magic "KHKEYRNG"
//   8          4    format version
//   12         4    total length of the file in bytes
//   16         …    records: u16 type, u16 flags, u32 length, value; by ascending type
//   total-64   32   HMAC-SHA-256 of everything before it, under a key derived from the KEK
//   total-32   32   SHA-256 of everything before it
//
// The checksum tells damage without any key; the MAC tells tampering. Magic, version, length and
// checksum have the same place in every later format.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/kdf.h"
#include "crypto/wrap.h"

namespace keyhold::format {

inline constexpr std::uint32_t kKeyringVersion = 1;
inline constexpr std::size_t kKeyringPrefixSizeBytes = 16;
inline constexpr std::size_t kKeyringTrailerSizeBytes = 64;
inline constexpr std::size_t kMaxKeyringSizeBytes = 1 << 20;

// Bounds of format 1.
inline constexpr std::size_t kMaxNameSizeBytes = 255;       // of org, cluster, region, node
inline constexpr std::size_t kMaxSpecTextSizeBytes = 2048;  // of each text of a key spec
inline constexpr std::size_t kMaxKmsTextSizeBytes = 512;    // of each text a KMS answers
inline constexpr std::size_t kMaxKmsWrapSizeBytes = 16384;
inline constexpr std::size_t kMaxLockboxes = 8;
inline constexpr std::size_t kMaxGenerations = 4096;
inline constexpr std::size_t kMaxRollbackEvents = 64;
inline constexpr std::size_t kMaxUnknownRecords = 64;
inline constexpr std::size_t kMaxUnknownSizeBytes = 131072;  // of all their values

// Persisted: the numbers never change.
enum class KeyringRecordType : std::uint16_t {
  identity = 1,
  sequence = 2,
  store_epoch = 3,
  created = 4,
  rotation_policy = 5,
  next_rotation = 6,
  policy = 7,
  kek = 16,
  lockbox = 17,
  dek = 18,
  rollback_accepted = 19,
};
// A reader that does not know the type refuses the key ring. Every record of format 1 has it; no
// other flag is defined.
inline constexpr std::uint16_t kMustUnderstand = 1;

// Times are seconds since 1970-01-01 UTC.
struct KeyringIdentity {
  StoreId store;
  std::string org, cluster, region, node;
  friend bool operator==(const KeyringIdentity&, const KeyringIdentity&) = default;
};

struct KeyringRotation {
  std::uint64_t age_seconds = 0;  // 0: not by age
  std::uint64_t bytes = 0;        // 0: not by bytes
  std::uint64_t next_due = 0;     // 0: never
  friend bool operator==(const KeyringRotation&, const KeyringRotation&) = default;
};

// Which policy.toml rules (format/policy.h): the store has none where there is no record.
struct KeyringPolicy {
  std::uint64_t version = 0;              // from 1; rises with every change
  std::array<std::uint8_t, 32> digest{};  // SHA-256 of the file's bytes
  friend bool operator==(const KeyringPolicy&, const KeyringPolicy&) = default;
};

struct KeyringKek {
  KeyId id;
  std::uint32_t version = 0;  // from 1; a rotation replaces the record by one of the next version
  std::uint64_t created = 0;
  crypto::CheckValue check{};
  friend bool operator==(const KeyringKek&, const KeyringKek&) = default;
};

struct KeyringKeySpec {
  std::uint8_t type = 0;  // kms::KeyType
  std::string uri, auth_principal, endpoint, ca_file;
  friend bool operator==(const KeyringKeySpec&, const KeyringKeySpec&) = default;
};

struct KeyringLockbox {
  std::uint32_t kek_version = 0;
  KeyringKeySpec spec;
  std::string kms_key_version;
  std::string algorithm;
  std::uint8_t purpose = 0;  // kms::Purpose
  std::uint64_t created = 0;
  std::string request_id;
  ByteVector wrapped;  // the KMS's own format
  friend bool operator==(const KeyringLockbox&, const KeyringLockbox&) = default;
};

struct KeyringDek {
  std::uint32_t generation = 0;
  KeyId id;
  std::uint32_t kek_version = 0;
  std::uint64_t created = 0;
  std::array<std::uint8_t, crypto::kWrappedKeySizeBytes> wrapped{};
  crypto::CheckValue check{};
  std::uint64_t sealed_bytes = 0;
  friend bool operator==(const KeyringDek&, const KeyringDek&) = default;
};

struct KeyringRollbackEvent {
  std::uint64_t at = 0;
  std::uint64_t anchor_sequence = 0;
  std::uint64_t accepted_sequence = 0;
  friend bool operator==(const KeyringRollbackEvent&, const KeyringRollbackEvent&) = default;
};

// Of a later version, without kMustUnderstand: kept byte for byte.
struct KeyringUnknownRecord {
  std::uint16_t type = 0;
  ByteVector value;
  friend bool operator==(const KeyringUnknownRecord&, const KeyringUnknownRecord&) = default;
};

struct KeyringRecord {
  KeyringIdentity identity;
  std::uint64_t sequence = 0;  // from 1; rises with every write
  std::uint64_t store_epoch = 0;
  std::uint64_t created = 0;
  KeyringRotation rotation;
  std::optional<KeyringPolicy> policy;
  KeyringKek kek;
  std::vector<KeyringLockbox> lockboxes;  // at least one; in the order in which they are asked
  std::vector<KeyringDek> deks;           // at least one; by ascending generation
  std::vector<KeyringRollbackEvent> rollbacks;  // oldest first
  std::vector<KeyringUnknownRecord> unknown;    // by ascending type
  friend bool operator==(const KeyringRecord&, const KeyringRecord&) = default;
};

struct ParsedKeyring {
  KeyringRecord record;
  crypto::Mac mac{};     // over keyring_mac_input(file)
  crypto::Mac digest{};  // the checksum: names this very content
};

// Code::integrity where the bytes are not a whole key ring, or break a rule of the format;
// Code::unsupported where a newer Keyhold made them. Says nothing of the MAC.
Result<ParsedKeyring> parse_keyring(ByteView file);

// Whether a record can be written at all: bounds, counts, order, references. What parse_keyring
// returns passes. Code::invalid_argument, with the reason.
Status check_keyring(const KeyringRecord& record);
Status check_keyring_identity(const KeyringIdentity& identity);

// Prefix and records: what the MAC covers. REQUIRES: check_keyring(record).
ByteVector serialize_keyring_body(const KeyringRecord& record);
// The file: body, MAC, checksum.
ByteVector finish_keyring(ByteVector body, const crypto::Mac& mac);

inline ByteView keyring_mac_input(ByteView file) {
  return file.first(file.size() - kKeyringTrailerSizeBytes);
}

// What binds a wrapped DEK to its place, as the AAD of crypto::wrap_key: u16 length and label, then
// store id, key id, u32 generation, u32 KEK version.
ByteVector dek_wrap_context(const StoreId& store, const KeyringDek& dek);

}  // namespace keyhold::format
