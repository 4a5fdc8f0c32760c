// The way from a command to a store: the machine's files and clock, the settings, the host.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "cli/session.h"
#include "host/attach.h"
#include "host/store_keys.h"
#include "store/store.h"

namespace keyhold::cli {

// The machine's files, clock and randomness.
host::Environment machine();

// As the settings say: the KMS's deadline, and how long to wait for it.
host::HostOptions host_options(const Settings& settings);

// Becomes the store's host, or its client. Says on standard error what the host had to repair.
Result<std::unique_ptr<host::StoreKeys>> attach(Session& session, const std::string& store);

// The store that a path lies in: the nearest folder above it (or the path itself) that holds
// `.keyhold`. Code::not_found where there is none.
Result<std::string> find_store(const std::string& path);

// A store with its keys. `keys` outlives `files`.
struct OpenStore {
  std::unique_ptr<host::StoreKeys> keys;
  std::unique_ptr<store::Store> files;
};
Result<OpenStore> open_store(Session& session, const std::string& root);

}  // namespace keyhold::cli
