// For processes that are Keyhold's own (CLI, agent), never for an engine that embeds the plugin:
// there the key pages are locked and kept out of core files all the same.
#pragma once

#include <string>
#include <vector>

namespace keyhold::host {

// No core files (RLIMIT_CORE 0), no ptrace or /proc/PID/mem by others of the same user
// (PR_SET_DUMPABLE 0), and under CAP_IPC_LOCK all memory locked as it is touched (mlockall with
// MCL_ONFAULT). Returns what the machine refused, one sentence each; nothing is fatal.
std::vector<std::string> harden_process();

}  // namespace keyhold::host
