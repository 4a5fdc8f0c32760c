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
constexpr std::size_t kReservedSizeBytes = 32;
constexpr std::size_t kChecksumSizeBytes = 32;

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(Code::integrity, "not a whole anchor: " + what);
}

void write_statement(ByteWriter& out, const AnchorRecord& record) {
  out.bytes(as_bytes(kMagic));
  out.u32(kVersion);
  out.u32(kAnchorSizeBytes);
  out.bytes(record.store.bytes());
  out.u64(record.sequence);
  out.bytes(record.digest);
}

Status check_envelope(ByteView bytes) {
  if (bytes.size() < kKeyedPartEnd) return damaged("it is too short");
  return {};
}

}  // namespace
