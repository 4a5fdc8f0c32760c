#include "format/keyring_anchor.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "format/byte_reader.h"
#include "format/byte_writer.h"

namespace keyhold::format {
namespace {

constexpr std::string_view kMagic = "KHANCHOR";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumSizeBytes = 32;

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(Code::integrity, "not a whole anchor: " + what);
}

// Magic, version, length and checksum have the same place in every later format.
Status check_envelope(ByteView bytes) {
  if (bytes.size() < kAnchorSizeBytes) return damaged("it is too short");
  if (as_text(bytes.first(kMagic.size())) != kMagic) return damaged("the magic is not there");
  if (load_le<std::uint32_t>(bytes.subspan(12)) != bytes.size()) {
    return damaged("its length is not the one that it names");
  }
  const auto digest = crypto::sha256(bytes.first(bytes.size() - kChecksumSizeBytes));
  if (!std::ranges::equal(digest, bytes.last(kChecksumSizeBytes))) {
    return damaged("the checksum does not match");
  }
  const auto version = load_le<std::uint32_t>(bytes.subspan(8));
  if (version > kVersion) {
    return fail(Code::unsupported, "this anchor was made by a newer Keyhold; upgrade this one");
  }
  if (version == 0 || bytes.size() != kAnchorSizeBytes) return damaged("version or length");
  return {};
}

Status check_rules(const AnchorRecord& record) {
  const auto& [first, second] = record.macs;
  if (first.kek_version == 0) return damaged("it has no MAC");
  if (second.kek_version == 0 && !all_zero(second.mac)) return damaged("its second MAC");
  if (second.kek_version != 0 && second.kek_version <= first.kek_version) {
    return damaged("its MACs are out of order");
  }
  if (record.sequence == 0 && !all_zero(record.digest)) return damaged("its checksum of nothing");
  return {};
}

void write_statement(ByteWriter& out, const AnchorRecord& record) {
  out.bytes(as_bytes(kMagic));
  out.u32(kVersion);
  out.u32(kAnchorSizeBytes);
  out.bytes(record.store.bytes());
  out.u64(record.sequence);
  out.bytes(record.digest);
}

}  // namespace

AnchorMacInput anchor_mac_input(const AnchorRecord& record) {
  ByteWriter out;
  write_statement(out, record);
  AnchorMacInput input{};
  copy_bytes(out.view(), input);
  return input;
}

ByteVector serialize_anchor(const AnchorRecord& record) {
  ByteWriter out;
  write_statement(out, record);
  for (const AnchorMac& mac : record.macs) {
    out.u32(mac.kek_version);
    out.bytes(mac.mac);
  }
  out.bytes(crypto::sha256(out.view()));
  return out.take();
}

Result<AnchorRecord> parse_anchor(ByteView bytes) {
  KEYHOLD_TRY(check_envelope(bytes));
  ByteReader in(bytes.subspan(16));
  AnchorRecord record;
  record.store = in.id<StoreId>();
  record.sequence = in.u64();
  record.digest = in.array<crypto::kMacSizeBytes>();
  for (AnchorMac& mac : record.macs) {
    mac.kek_version = in.u32();
    mac.mac = in.array<crypto::kMacSizeBytes>();
  }
  KEYHOLD_TRY(check_rules(record));
  return record;
}

}  // namespace keyhold::format
