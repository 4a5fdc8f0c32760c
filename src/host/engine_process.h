// The engine's main process, started by the supervisor.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "host/supervisor_wire.h"

namespace keyhold::host {

// Starts it with the plan's arguments and environment and this process's standard input, output
// and error; in a process group of its own, so that the terminal's signals reach the agent alone,
// which says when and how the engine stops; without core files; with SIGKILL for it when this
// process ends. `cgroup_procs`: the file that puts it into its cgroup, -1 for none. A program that
// cannot be run is an error with that errno. REQUIRES: this process has one thread.
Result<pid_t> start_engine_process(const EnginePlan& plan, int cgroup_procs);

// What stays possible on this machine although the engine should not have it, one sentence each.
std::vector<std::string> engine_limit_warnings();

}  // namespace keyhold::host
