#include "host/layout.h"

#include "io/file_system.h"
#include "store/store.h"

namespace keyhold::host {

StoreLayout::StoreLayout(std::string_view store_path)
    : root(store_path),
      directory(io::join_path(root, store::kPrivateFolder)),
      lock(io::join_path(directory, "lock")),
      config(io::join_path(directory, "config")),
      being_made(io::join_path(directory, "being-made")),
      socket(io::join_path(directory, "control.sock")),
      policy(io::join_path(directory, "policy.toml")),
      policy_next(io::join_path(directory, "policy.toml.next")),
      audit(io::join_path(directory, "audit")),
      tombstone(io::join_path(directory, "tombstone")) {}

}  // namespace keyhold::host
