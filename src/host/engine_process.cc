#include "host/engine_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keyhold::host {
namespace {

// core(5): a limit of 0 keeps no core from a program that core_pattern pipes to; 1 does both, as
// it is also less than the least core file.
rlim_t core_limit() {
  char first = 0;
  std::ifstream("/proc/sys/kernel/core_pattern").get(first);
  return first == '|' ? 1 : 0;
}

bool forbid_cores(rlim_t limit) {
  const rlimit wanted{.rlim_cur = limit, .rlim_max = limit};
  if (::setrlimit(RLIMIT_CORE, &wanted) == 0) return true;
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &none);
  return false;
}

std::vector<char*> pointers_to(const std::vector<std::string>& list) {
  std::vector<char*> out;
  out.reserve(list.size() + 1);
  for (const std::string& each : list) out.push_back(const_cast<char*>(each.c_str()));
  out.push_back(nullptr);
  return out;
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child; returns errno where it cannot become the engine.
int become_engine(const EnginePlan& plan, int cgroup_procs, pid_t supervisor) {
  if (cgroup_procs >= 0 && ::write(cgroup_procs, "0", 1) != 1) return errno;
  if (::setpgid(0, 0) != 0) return errno;
  // The signal comes at the supervisor's end from here on; was it before, it is seen in getppid.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (::getppid() != supervisor) return ESRCH;
  forbid_cores(core_limit());
  reset_signals();
  auto arguments = pointers_to(plan.arguments);
  auto environment = pointers_to(plan.environment);
  environ = environment.data();  // so that the program is sought in the engine's PATH
  ::execvp(arguments.front(), arguments.data());
  return errno;
}

}  // namespace

Result<pid_t> start_engine_process(const EnginePlan& plan, int cgroup_procs) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "a pipe to the engine");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t supervisor = ::getpid();
  const pid_t engine = ::fork();
  if (engine < 0) return fail_errno(errno, "a process for the engine");
  if (engine == 0) {
    const int failure = become_engine(plan, cgroup_procs, supervisor);
    (void)!::write(writer.get(), &failure, sizeof failure);
    ::_exit(127);
  }
  writer.reset();
  int failure = 0;
  // End of file: the pipe closed itself over a successful exec.
  if (::read(reader.get(), &failure, sizeof failure) != sizeof failure) return engine;
  ::waitpid(engine, nullptr, 0);
  return fail_errno(failure, plan.arguments.front());
}

std::vector<std::string> engine_limit_warnings() {
  std::vector<std::string> warnings;
  rlimit now{};
  ::getrlimit(RLIMIT_CORE, &now);
  if (core_limit() == 1 && now.rlim_max == 0 && ::geteuid() != 0) {
    warnings.emplace_back(
        "a core of the engine may reach the program that /proc/sys/kernel/core_pattern pipes to");
  }
  return warnings;
}

}  // namespace keyhold::host
