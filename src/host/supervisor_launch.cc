#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/pidfd.h"
#include "host/supervisor_fds.h"
#include "host/supervisor_process.h"

namespace keyhold::host {
namespace {

// Out of the way of the numbers that they get in the supervisor.
Result<UniqueFd> moved_up(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10));
  if (!copy.open()) return fail_errno(errno, "a file descriptor for the supervisor");
  return copy;
}

// What is preloaded is meant for the engine, whose environment is in the plan.
std::vector<char*> own_environment() {
  std::vector<char*> out;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("LD_PRELOAD=")) out.push_back(*each);
  }
  out.push_back(nullptr);
  return out;
}

class SpawnOrders {
 public:
  SpawnOrders(int socket, int plan) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawn_file_actions_adddup2(&files_, socket, kSupervisorSocket);
    ::posix_spawn_file_actions_adddup2(&files_, plan, kSupervisorPlan);
    ::posix_spawn_file_actions_addclosefrom_np(&files_, kSupervisorPlan + 1);
    ::posix_spawnattr_init(&attributes_);
    sigset_t set;
    sigfillset(&set);
    ::posix_spawnattr_setsigdefault(&attributes_, &set);
    sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes_, &set);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  SpawnOrders(const SpawnOrders&) = delete;
  SpawnOrders& operator=(const SpawnOrders&) = delete;
  ~SpawnOrders() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  int spawn(pid_t& pid, const std::string& program) {
    std::string name = "keyhold";
    std::string word = kSupervisorWord;
    std::array<char*, 3> arguments{name.data(), word.data(), nullptr};
    return ::posix_spawn(&pid, program.c_str(), &files_, &attributes_, arguments.data(),
                         own_environment().data());
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<LaunchedSupervisor> launch_supervisor(const std::string& program, const EnginePlan& plan) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "a socket pair for the supervisor");
  }
  LaunchedSupervisor launched;
  launched.socket = UniqueFd(ends[0]);
  const UniqueFd low(ends[1]);
  KEYHOLD_TRY_ASSIGN(const UniqueFd theirs, moved_up(low));
  KEYHOLD_TRY_ASSIGN(const UniqueFd low_plan, write_plan(plan));
  KEYHOLD_TRY_ASSIGN(const UniqueFd high_plan, moved_up(low_plan));
  const int failure = SpawnOrders(theirs.get(), high_plan.get()).spawn(launched.pid, program);
  if (failure != 0) return fail_errno(failure, "the supervisor (" + program + ")");
  launched.process = open_process(launched.pid);
  if (!launched.process.open()) {
    const int error = errno;
    ::kill(launched.pid, SIGKILL);
    ::waitpid(launched.pid, nullptr, 0);
    return fail_errno(error, "pidfd_open of the supervisor");
  }
  return launched;
}

}  // namespace keyhold::host
