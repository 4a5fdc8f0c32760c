// The supervisor's own process: keyless, one thread, the engine's parent. The agent makes it by
// running its own program again (`launch_supervisor`), so nothing of the agent's memory is in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "host/supervisor_wire.h"
#include "host/unique_fd.h"

namespace keyhold::host {

// The one word on its command line, by which `run_as_supervisor` knows it.
inline constexpr const char* kSupervisorWord = "supervise-engine";

// Called first thing in main: nothing where `words` are not the supervisor's, else it is the
// supervisor until its end, and gives its exit status.
std::optional<int> run_as_supervisor(const std::vector<std::string>& words);

struct LaunchedSupervisor {
  UniqueFd socket;
  UniqueFd process;  // a pidfd
  pid_t pid = 0;
};

// Runs `program` as the supervisor, in a session of its own: no terminal stops it or ends it.
Result<LaunchedSupervisor> launch_supervisor(const std::string& program, const EnginePlan& plan);

}  // namespace keyhold::host
