#include "host/config.h"

#include <utility>

#include "crypto/kdf.h"
#include "crypto/labels.h"

namespace keyhold::host {
namespace {

tl::unexpected<Error> not_ours(const std::string& what) {
  return fail(Code::integrity, "the store's config " + what + ": it was damaged or replaced; " +
                                   how_to_settle_config());
}

Result<crypto::Mac> config_mac(const keyring::KeyRing& ring, Generation generation,
                               ByteView message) {
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 key,
                     ring.derive(generation, {}, as_bytes(crypto::labels::kConfigMac)));
  return crypto::hmac_sha256(key, message);
}

}  // namespace

Result<std::optional<UnverifiedConfig>> read_config(io::FileSystem& files,
                                                    const StoreLayout& layout) {
  auto file = io::read_file(files, layout.config, format::kMaxStoreConfigSizeBytes);
  if (!file && file.error().code() == Code::not_found) return std::nullopt;
  if (!file) return fail(std::move(file).error());
  auto parsed = format::parse_store_config(*file);
  if (!parsed) return fail(parsed.error().within(layout.config));
  return UnverifiedConfig{.parsed = *std::move(parsed), .file = *std::move(file)};
}

std::string how_to_settle_config() {
  return "`keyhold store accept-rollback STORE --anchor FILE` names the anchor anew, and, where "
         "the "
         "store had none, `keyhold store accept-rollback STORE` goes on without";
}

Status verify_config(const UnverifiedConfig& config, const keyring::KeyRing& ring) {
  const format::StoreConfig& content = config.parsed.config;
  if (content.store != ring.store_id()) return not_ours("is that of another store");
  const auto mac =
      config_mac(ring, content.mac_generation, format::store_config_mac_input(config.file));
  if (!mac && mac.error().code() != Code::not_found) return fail(mac.error());
  if (!mac || !crypto::equal_constant_time(*mac, config.parsed.mac)) {
    return not_ours("does not bear this key ring's mark");
  }
  return {};
}

Status write_config(io::FileSystem& files, const StoreLayout& layout, const keyring::KeyRing& ring,
                    const std::string& anchor_path) {
  KEYHOLD_TRY_ASSIGN(const Generation generation, ring.current_generation());
  ByteVector body = format::serialize_store_config_body(
      {.store = ring.store_id(), .mac_generation = generation, .anchor_path = anchor_path});
  KEYHOLD_TRY_ASSIGN(const crypto::Mac mac, config_mac(ring, generation, body));
  return io::replace_file(files, layout.config, format::finish_store_config(std::move(body), mac));
}

Status check_anchor_path(const std::string& path) {
  if (path.empty()) return {};
  if (path.front() == '/' && path.size() <= format::kMaxAnchorPathSizeBytes &&
      path.find('\0') == std::string::npos) {
    return {};
  }
  return fail(Code::invalid_argument, "anchor " + path + ": name a file by its absolute path");
}

}  // namespace keyhold::host
