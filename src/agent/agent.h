// `keyhold agent`: the process beside a database node. It is the store's host, keeps the lease, and
// runs the engine under the supervisor for as long as the store serves: at a seal the engine is
// killed while its I/O is still answered, after the unseal it is started again.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/host.h"

namespace keyhold::agent {

struct AgentOptions {
  std::string store_path;
  host::HostOptions host;
  std::vector<std::string> engine;  // program and arguments; empty: only plugins of other processes
  std::string metrics_address;      // HOST:PORT; empty: none
  // At the agent's end: for the engine to stop by itself after its stop signal.
  std::chrono::nanoseconds stop_timeout = std::chrono::seconds(60);
};

// Runs until the engine ends by itself (its exit status, or 128 and the signal's number), or until
// SIGTERM or SIGINT (0, once the engine has stopped). Waits for a KMS that denies or does not
// answer, and for an order that keeps the store sealed to be undone, saying so. REQUIRES: one
// thread, no key in the process, and main() that calls host::run_as_supervisor() first.
Result<int> run_agent(const host::Environment& environment, AgentOptions options);

}  // namespace keyhold::agent
