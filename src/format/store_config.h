// A store's config file, format 1 (docs/formats/control-socket.md, "The config file"): what the
// host must know before it can open the key ring. Pure parse and serialize.
//
//   offset   size
//   0        8    magic "KHCONFIG"
//   8        4    format version
//   12       4    total length of the file in bytes
//   16       16   store id
//   32       4    the DEK generation that gave the MAC's key
//   36       2+n  path of the anchor file, absolute; empty where there is none
//   end-32   32   HMAC-SHA-256 of everything before it
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/kdf.h"

namespace keyhold::format {

inline constexpr std::uint32_t kStoreConfigVersion = 1;
inline constexpr std::size_t kMaxAnchorPathSizeBytes = 4096;
inline constexpr std::size_t kMaxStoreConfigSizeBytes = 8192;

struct StoreConfig {
  StoreId store;
  Generation mac_generation{};
  std::string anchor_path;
  friend bool operator==(const StoreConfig&, const StoreConfig&) = default;
};

struct ParsedStoreConfig {
  StoreConfig config;
  crypto::Mac mac{};  // over store_config_mac_input(file)
};

// Code::integrity where the bytes are not a whole config, Code::unsupported where a newer Keyhold
// made them. Says nothing of the MAC.
Result<ParsedStoreConfig> parse_store_config(ByteView file);

// What the MAC covers. REQUIRES: an anchor path within its bound.
ByteVector serialize_store_config_body(const StoreConfig& config);
ByteVector finish_store_config(ByteVector body, const crypto::Mac& mac);

// REQUIRES: parse_store_config(file) succeeded.
inline ByteView store_config_mac_input(ByteView file) {
  return file.first(file.size() - crypto::kMacSizeBytes);
}

}  // namespace keyhold::format
