#include "host/harden.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace keyhold::host {
namespace {

bool may_lock_memory() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[CAP_IPC_LOCK / 32].effective & (1U << (CAP_IPC_LOCK % 32))) != 0;
}

}  // namespace

std::vector<std::string> harden_process() {
  std::vector<std::string> refused;
  const auto note = [&](bool done, const std::string& what) {
    if (!done) refused.push_back(what + ": " + std::strerror(errno));
  };
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  note(::setrlimit(RLIMIT_CORE, &no_core) == 0, "core files stay possible (RLIMIT_CORE)");
  note(::prctl(PR_SET_DUMPABLE, 0) == 0, "the process stays open to ptrace (PR_SET_DUMPABLE)");
  if (may_lock_memory()) {
    note(::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0,
         "memory other than keys may be swapped (mlockall)");
  }
  return refused;
}

}  // namespace keyhold::host
