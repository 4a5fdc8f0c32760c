#include "kms/local/messages/format.h"

#include <algorithm>
#include <chrono>

#include "crypto/kdf.h"

namespace keyhold::kms::local {
namespace {

using crypto::SecretAccess;
using std::chrono::milliseconds;

constexpr std::string_view kKeyFileMagic = "KHLOCKEY";
constexpr std::string_view kMarkerMagic = "KHLOCKMS";
constexpr std::string_view kCiphertextMagic = "KHLC";

// Beyond it WallTime's nanoseconds overflow (in the year 2262).
constexpr std::uint64_t kMaxTimeMs = 9'223'372'036'854;

// A clock that stands before 1970 counts as 1970.
std::uint64_t to_ms(WallTime time) {
  const auto ms = std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(ms, 0));
}

WallTime from_ms(std::uint64_t ms) {
  return WallTime(milliseconds(static_cast<std::int64_t>(ms)));
}

tl::unexpected<keyhold::Error> damaged(std::string_view what) {
  return fail(Code::integrity, "damaged key file: " + std::string(what));
}

std::size_t key_file_size(std::size_t version_count) {
  return kKeyFileHeaderSizeBytes + version_count * kKeyVersionSizeBytes + kChecksumSizeBytes;
}

// Magic, format version, size and checksum: after it the bytes are those of some writer.
Status check_envelope(ByteView bytes) {
  if (bytes.size() < key_file_size(0)) return damaged("too short");
  if (as_text(bytes.first(8)) != kKeyFileMagic) return damaged("not a key file");
  const auto format = load_le<std::uint32_t>(bytes.subspan(8));
  if (format != kFormatVersion) {
    return fail(Code::unsupported, "key file of format " + std::to_string(format) +
                                       ", written by another version of Keyhold; this one reads " +
                                       std::to_string(kFormatVersion));
  }
  const ByteView content = bytes.first(bytes.size() - kChecksumSizeBytes);
  const crypto::Mac checksum = crypto::sha256(content);
  if (!std::equal(checksum.begin(), checksum.end(), bytes.subspan(content.size()).begin())) {
    return damaged("its checksum is wrong");
  }
  return {};
}

keyhold::Result<WallTime> parse_time(ByteView bytes) {
  const auto ms = load_le<std::uint64_t>(bytes);
  if (ms > kMaxTimeMs) return damaged("a time out of range");
  return from_ms(ms);
}

keyhold::Result<KeyFile> parse_fields(ByteView header) {
  const std::uint8_t state = header[12];
  if (state < static_cast<std::uint8_t>(State::enabled) ||
      state > static_cast<std::uint8_t>(State::destroyed)) {
    return damaged("unknown state");
  }
  if (!all_zero(header.subspan(13, 3)) || !all_zero(header.subspan(56, 8))) {
    return damaged("reserved bytes are set");
  }
  KeyFile key;
  key.id = LocalKeyId(header.subspan(16, 16));
  key.state = static_cast<State>(state);
  KEYHOLD_TRY_ASSIGN(key.created, parse_time(header.subspan(32)));
  KEYHOLD_TRY_ASSIGN(const WallTime deletion_date, parse_time(header.subspan(40)));
  const bool leaves = key.state == State::pending_deletion || key.state == State::destroyed;
  if (leaves != (deletion_date != WallTime{})) return damaged("state and deletion date disagree");
  if (leaves) key.deletion_date = deletion_date;
  key.primary = load_le<std::uint32_t>(header.subspan(48));
  return key;
}

keyhold::Result<Version> parse_version(ByteView bytes) {
  if (!all_zero(bytes.subspan(4, 4))) return damaged("reserved bytes are set");
  KEYHOLD_TRY_ASSIGN(const WallTime created, parse_time(bytes.subspan(8)));
  KEYHOLD_TRY_ASSIGN(crypto::Key256 material,
                     crypto::Key256::copy_of(bytes.subspan(16, 32), SecretAccess::grant()));
  return Version{
      .number = load_le<std::uint32_t>(bytes), .created = created, .material = std::move(material)};
}

Status parse_versions(ByteView bytes, KeyFile& key) {
  std::uint32_t last = 0;
  for (; !bytes.empty(); bytes = bytes.subspan(kKeyVersionSizeBytes)) {
    KEYHOLD_TRY_ASSIGN(Version version, parse_version(bytes.first(kKeyVersionSizeBytes)));
    if (version.number <= last) return damaged("versions out of order");
    last = version.number;
    key.versions.push_back(std::move(version));
  }
  return {};
}

bool has_version(const KeyFile& key, std::uint32_t number) {
  return std::any_of(key.versions.begin(), key.versions.end(),
                     [&](const Version& version) { return version.number == number; });
}

void put_version(const Version& version, MutableByteView out) {
  store_le(out, version.number);
  store_le(out.subspan(8), to_ms(version.created));
  copy_bytes(version.material.bytes(SecretAccess::grant()), out.subspan(16));
}

void put_header(const KeyFile& key, MutableByteView out) {
  copy_bytes(as_bytes(kKeyFileMagic), out);
  store_le(out.subspan(8), kFormatVersion);
  out[12] = static_cast<std::uint8_t>(key.state);
  copy_bytes(key.id.bytes(), out.subspan(16));
  store_le(out.subspan(32), to_ms(key.created));
  if (key.deletion_date) store_le(out.subspan(40), to_ms(*key.deletion_date));
  store_le(out.subspan(48), key.primary);
  store_le(out.subspan(52), static_cast<std::uint32_t>(key.versions.size()));
}

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::enabled:
      return "enabled";
    case State::disabled:
      return "disabled";
    case State::pending_deletion:
      return "pending_deletion";
    case State::destroyed:
      return "destroyed";
  }
  return "unknown";
}

keyhold::Result<KeyFile> parse_key_file(ByteView bytes) {
  KEYHOLD_TRY(check_envelope(bytes));
  KEYHOLD_TRY_ASSIGN(KeyFile key, parse_fields(bytes.first(kKeyFileHeaderSizeBytes)));
  const auto count = load_le<std::uint32_t>(bytes.subspan(52));
  if (count > kMaxKeyVersions || bytes.size() != key_file_size(count)) {
    return damaged("size and number of versions disagree");
  }
  KEYHOLD_TRY(
      parse_versions(bytes.subspan(kKeyFileHeaderSizeBytes, count * kKeyVersionSizeBytes), key));
  const bool destroyed = key.state == State::destroyed;
  if (destroyed && (count != 0 || key.primary != 0)) return damaged("a destroyed key has versions");
  if (!destroyed && !has_version(key, key.primary)) return damaged("no primary version");
  return key;
}

keyhold::Result<crypto::SecretBlock> serialize_key_file(const KeyFile& key) {
  KEYHOLD_TRY_ASSIGN(crypto::SecretBlock block,
                     crypto::SecretBlock::allocate(key_file_size(key.versions.size())));
  const MutableByteView bytes = block.bytes(SecretAccess::grant());
  put_header(key, bytes);
  MutableByteView out = bytes.subspan(kKeyFileHeaderSizeBytes);
  for (const Version& version : key.versions) {
    put_version(version, out);
    out = out.subspan(kKeyVersionSizeBytes);
  }
  copy_bytes(crypto::sha256(bytes.first(bytes.size() - out.size())), out);
  return block;
}

std::array<std::uint8_t, kMarkerSizeBytes> serialize_marker() {
  std::array<std::uint8_t, kMarkerSizeBytes> bytes{};
  copy_bytes(as_bytes(kMarkerMagic), bytes);
  store_le(MutableByteView(bytes).subspan(8), kFormatVersion);
  return bytes;
}

Status check_marker(ByteView bytes) {
  const auto refused = [] {
    return fail(Code::integrity, "damaged marker: not that of a LOCAL KMS");
  };
  if (bytes.size() < kMarkerSizeBytes || as_text(bytes.first(8)) != kMarkerMagic) return refused();
  const auto format = load_le<std::uint32_t>(bytes.subspan(8));
  if (format != kFormatVersion) {
    return fail(Code::unsupported, "LOCAL KMS of format " + std::to_string(format) +
                                       ", made by another version of Keyhold; this one reads " +
                                       std::to_string(kFormatVersion));
  }
  if (bytes.size() != kMarkerSizeBytes) return refused();
  return {};
}

std::array<std::uint8_t, kCiphertextHeaderSizeBytes> serialize_ciphertext_header(
    const CiphertextHeader& header) {
  std::array<std::uint8_t, kCiphertextHeaderSizeBytes> bytes{};
  const MutableByteView out(bytes);
  copy_bytes(as_bytes(kCiphertextMagic), out);
  store_le(out.subspan(4), kFormatVersion);
  copy_bytes(header.key_id.bytes(), out.subspan(8));
  store_le(out.subspan(24), header.version);
  return bytes;
}

keyhold::Result<CiphertextHeader> parse_ciphertext_header(ByteView ciphertext) {
  if (ciphertext.size() != kCiphertextSizeBytes ||
      as_text(ciphertext.first(4)) != kCiphertextMagic ||
      load_le<std::uint32_t>(ciphertext.subspan(4)) != kFormatVersion) {
    return fail(Code::wrong_key, "not the ciphertext of a LOCAL KMS");
  }
  return CiphertextHeader{.key_id = LocalKeyId(ciphertext.subspan(8, 16)),
                          .version = load_le<std::uint32_t>(ciphertext.subspan(24))};
}

}  // namespace keyhold::kms::local
