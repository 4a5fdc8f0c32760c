// pidfds by system call: glibc 2.36 declares its functions without C linkage.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "host/unique_fd.h"

namespace keyhold::host {

// Not open, with errno, where there is no such process.
inline UniqueFd open_process(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// False with errno: ESRCH where it is dead and waited for.
inline bool send_signal(const UniqueFd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace keyhold::host
