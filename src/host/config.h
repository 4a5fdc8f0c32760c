// The store's config file: read before the key ring is open, believed only once it is.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "format/store_config.h"
#include "host/layout.h"
#include "io/file_system.h"
#include "keyring/keyring.h"

namespace keyhold::host {

// What is on disk, not yet authenticated.
struct UnverifiedConfig {
  format::ParsedStoreConfig parsed;
  ByteVector file;
};

// Nothing where there is no such file.
Result<std::optional<UnverifiedConfig>> read_config(io::FileSystem& files,
                                                    const StoreLayout& layout);

// What the operator does about a config that is missing, damaged or replaced.
std::string how_to_settle_config();

// Code::integrity where the config was not written by a holder of this key ring.
Status verify_config(const UnverifiedConfig& config, const keyring::KeyRing& ring);

// Durable and atomic, under a key of the ring's current generation.
Status write_config(io::FileSystem& files, const StoreLayout& layout, const keyring::KeyRing& ring,
                    const std::string& anchor_path);

// Code::invalid_argument where it is no absolute path of acceptable length. Empty is acceptable.
Status check_anchor_path(const std::string& path);

}  // namespace keyhold::host
