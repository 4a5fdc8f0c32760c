#include "format/store_config.h"

#include <cassert>
#include <utility>

#include "format/byte_reader.h"
#include "format/byte_writer.h"

namespace keyhold::format {
namespace {

constexpr std::string_view kMagic = "KHCONFIG";
constexpr std::size_t kFixedSizeBytes = 38;  // up to the anchor path's bytes

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Code::integrity, "store config: " + std::string(what));
}

bool acceptable_path(std::string_view path) {
  return path.empty() || (path.front() == '/' && path.find('\0') == std::string_view::npos);
}

}  // namespace

Result<ParsedStoreConfig> parse_store_config(ByteView file) {
  ByteReader reader(file);
  if (as_text(reader.bytes(kMagic.size())) != kMagic) return damaged("the magic is not there");
  const std::uint32_t version = reader.u32();
  if (reader.ok() && version > kStoreConfigVersion) {
    return fail(Code::unsupported,
                "store config of format " + std::to_string(version) + ": made by a newer Keyhold");
  }
  if (version != kStoreConfigVersion) return damaged("unknown format version");
  if (reader.u32() != file.size()) return damaged("the length is not the file's");
  ParsedStoreConfig parsed;
  parsed.config.store = reader.id<StoreId>();
  parsed.config.mac_generation = Generation{reader.u32()};
  parsed.config.anchor_path = reader.text(kMaxAnchorPathSizeBytes);
  parsed.mac = reader.array<crypto::kMacSizeBytes>();
  if (!reader.done()) return damaged("too short or too long");
  if (!acceptable_path(parsed.config.anchor_path)) return damaged("the anchor path is no path");
  return parsed;
}

ByteVector serialize_store_config_body(const StoreConfig& config) {
  assert(config.anchor_path.size() <= kMaxAnchorPathSizeBytes);
  assert(acceptable_path(config.anchor_path));
  ByteWriter out;
  out.bytes(as_bytes(kMagic));
  out.u32(kStoreConfigVersion);
  out.u32(static_cast<std::uint32_t>(kFixedSizeBytes + config.anchor_path.size() +
                                     crypto::kMacSizeBytes));
  out.bytes(config.store.bytes());
  out.u32(number(config.mac_generation));
  out.text(config.anchor_path);
  return out.take();
}

ByteVector finish_store_config(ByteVector body, const crypto::Mac& mac) {
  body.insert(body.end(), mac.begin(), mac.end());
  return body;
}

}  // namespace keyhold::format
