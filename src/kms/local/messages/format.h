// The bytes of a LOCAL KMS, format 1 (docs/formats/local-kms.md): key files, the marker, the header
// of a ciphertext. Pure functions; numbers are little-endian, times are milliseconds since 1970
// UTC.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/secret.h"

namespace keyhold::kms::local {

inline constexpr std::uint32_t kFormatVersion = 1;

// ---- Key file: 64 + 48 n + 32 bytes for n versions.
//   offset size
//   0      8    magic "KHLOCKEY"
//   8      4    format version, 1
//   12     1    state
//   13     3    zero
//   16     16   key id
//   32     8    created at
//   40     8    deletion date; 0 unless pending deletion or destroyed
//   48     4    primary version; 0 where destroyed
//   52     4    n, the number of versions; 0 where destroyed
//   56     8    zero
//   64     48 n versions, numbers rising: number (4), zero (4), created at (8), key material (32)
//   …      32   SHA-256 of all before
inline constexpr std::size_t kKeyFileHeaderSizeBytes = 64;
inline constexpr std::size_t kKeyVersionSizeBytes = 48;
inline constexpr std::size_t kChecksumSizeBytes = 32;
inline constexpr std::size_t kMaxKeyVersions = 1024;
inline constexpr std::size_t kMaxKeyFileSizeBytes =
    kKeyFileHeaderSizeBytes + kMaxKeyVersions * kKeyVersionSizeBytes + kChecksumSizeBytes;

// Persisted: the numbers never change.
enum class State : std::uint8_t { enabled = 1, disabled = 2, pending_deletion = 3, destroyed = 4 };

std::string_view state_name(State state);

using LocalKeyId = Id128<struct LocalKeyIdTag>;

struct Version {
  std::uint32_t number;  // 1, 2, …
  WallTime created;
  crypto::Key256 material;
};

struct KeyFile {
  LocalKeyId id;
  State state = State::enabled;
  WallTime created;
  std::optional<WallTime> deletion_date;
  std::uint32_t primary = 0;
  std::vector<Version> versions;
};

// Code::unsupported for a format version that this build does not know; Code::integrity for
// anything else that serialize_key_file would not have written; Code::permission where no secret
// memory is left.
keyhold::Result<KeyFile> parse_key_file(ByteView bytes);
// In secret memory, for it holds the material. Times are cut to milliseconds. REQUIRES: a key as
// parse_key_file returns one.
keyhold::Result<crypto::SecretBlock> serialize_key_file(const KeyFile& key);

// ---- Marker: the file DIR/keyhold-kms, 12 bytes: magic "KHLOCKMS", format version 1 (4).
inline constexpr std::size_t kMarkerSizeBytes = 12;
std::array<std::uint8_t, kMarkerSizeBytes> serialize_marker();
// Code::unsupported, Code::integrity.
Status check_marker(ByteView bytes);

// ---- Ciphertext: 28 bytes of header, then what crypto::wrap_key made (80 bytes) with header and
// canonical JSON of the context, one behind the other, as its context.
//   offset size
//   0      4    magic "KHLC"
//   4      4    format version, 1
//   8      16   key id
//   24     4    key version
inline constexpr std::size_t kCiphertextHeaderSizeBytes = 28;
inline constexpr std::size_t kCiphertextSizeBytes = 108;

struct CiphertextHeader {
  LocalKeyId key_id;
  std::uint32_t version;

  friend bool operator==(const CiphertextHeader&, const CiphertextHeader&) = default;
};

std::array<std::uint8_t, kCiphertextHeaderSizeBytes> serialize_ciphertext_header(
    const CiphertextHeader& header);
// Code::wrong_key where `ciphertext` is not 108 bytes with such a header at the front.
keyhold::Result<CiphertextHeader> parse_ciphertext_header(ByteView ciphertext);

}  // namespace keyhold::kms::local
