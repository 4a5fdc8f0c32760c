// Where the supervisor finds what the agent gave it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace keyhold::host {

inline constexpr int kSupervisorSocket = 3;
inline constexpr int kSupervisorPlan = 4;

// Of these two the engine inherits neither; of whatever else was open, the supervisor neither.
inline void keep_to_supervisor_fds() {
  ::fcntl(kSupervisorSocket, F_SETFD, FD_CLOEXEC);
  ::close_range(kSupervisorPlan, ~0U, 0);
}

}  // namespace keyhold::host
