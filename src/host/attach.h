// The way to a store's keys for a program that does not care who the host is.
#pragma once

#include <memory>
#include <string>

#include "host/host.h"
#include "host/store_keys.h"

namespace keyhold::host {

struct AttachOptions {
  HostOptions host;  // where this process becomes the host; retry.wait bounds both ways
  // How long to wait for a process that has the lock but does not serve yet.
  nanoseconds host_wait = std::chrono::seconds(10);
  // Never become the host: Code::not_found where none runs.
  bool only_as_client = false;
};

// Becomes the host where the store has none, else a client of the running one. A host that waits
// for its KMS is waited for, retry.wait long, then Code::unavailable. What this process itself
// lacks is never waited for: Code::invalid_argument for a KEYHOLD_AEAD that it cannot do,
// Code::permission where it may lock no memory for keys.
Result<std::unique_ptr<StoreKeys>> attach(const Environment& environment,
                                          const std::string& store_path,
                                          const AttachOptions& options = {});

}  // namespace keyhold::host
