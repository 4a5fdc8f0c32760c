// What the supervisor's tests run: as the supervisor, as an engine, or as an agent.
//   supervisor_helper supervise-engine
//   supervisor_helper engine LIFELINE KIND     every process of it keeps the FIFO LIFELINE open for
//                                              writing and says its name in it: so the FIFO's end
//                                              of file is the proof that all are dead
//   supervisor_helper agent LIFELINE KIND      starts that engine under a supervisor, says
//                                              "supervisor PID" and "engine PID", and waits
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/supervisor.h"
#include "host/supervisor_process.h"

namespace {

int lifeline = -1;

void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(lifeline, text.data(), text.size()) < 0) ::_exit(3);
}

[[noreturn]] void wait_for_ever() {
  while (true) ::pause();
}

template <typename F>
pid_t in_child(F work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  work();
  ::_exit(0);
}

void deaf() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
}

// Forks twice with setsid between, as daemons do: its parent is no process of the engine's. Returns
// once it has said its name.
void leave_daemon() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) ::_exit(3);
  const pid_t middle = in_child([&] {
    ::setsid();
    in_child([&] {
      deaf();
      say("daemon");
      ::close(ends[1]);
      wait_for_ever();
    });
  });
  ::waitpid(middle, nullptr, 0);
  ::close(ends[1]);
  char none = 0;
  (void)!::read(ends[0], &none, 1);
}

// Every process of it forks on until there are none left to make: `left` bounds the depth, so the
// bomb would grow to 2^left processes.
void bomb(int left) {
  deaf();
  say("bomb");
  while (left-- > 0) {
    if (::fork() == 0) {
      ::setsid();
      say("bomb");
    }
  }
  wait_for_ever();
}

void say_limits() {
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  int at_death = 0;
  ::prctl(PR_GET_PDEATHSIG, &at_death);
  say("core " + std::to_string(core.rlim_max) + " pdeathsig " + std::to_string(at_death));
  // The lifeline was opened last: with the least number that was free.
  say("first free descriptor " + std::to_string(lifeline));
  const char* const variable = std::getenv("ENGINE_VARIABLE");  // NOLINT(concurrency-mt-unsafe)
  say(std::string("variable ") + (variable != nullptr ? variable : "unset"));
}

int run_engine(std::string_view kind) {
  if (kind == "plain") say("ready");
  if (kind == "exit3") {
    say("ready");
    return 3;
  }
  if (kind == "limits") say_limits();
  if (kind == "deaf") {
    deaf();
    say("ready");
  }
  if (kind == "family") {
    in_child([] {
      ::setsid();
      deaf();
      say("setsid");
      wait_for_ever();
    });
    leave_daemon();
    say("ready");
  }
  if (kind == "leaver") {
    leave_daemon();
    return 0;
  }
  if (kind == "bomb") bomb(9);
  wait_for_ever();
}

int run_agent(const std::string& line, const std::string& kind, const std::string& cgroup) {
  keyhold::host::SupervisorOptions options;
  options.engine = {"/proc/self/exe", "engine", line, kind};
  options.heartbeat_interval = std::chrono::milliseconds(20);
  options.heartbeat_timeout = std::chrono::milliseconds(400);
  options.use_cgroup = cgroup == "cgroup";
  options.on_end = [](const auto& state) { std::cout << "ended " << state.cause << std::endl; };
  auto supervisor = keyhold::host::Supervisor::start(options);
  if (!supervisor) {
    std::cerr << supervisor.error().message() << '\n';
    return 1;
  }
  if (const auto started = (*supervisor)->start_engine(); !started) return 1;
  std::cout << "supervisor " << (*supervisor)->pid() << std::endl;
  std::cout << "engine " << (*supervisor)->state().pid << std::endl;
  wait_for_ever();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (const auto status = keyhold::host::run_as_supervisor(words)) return *status;
  if (words.size() < 3) return 2;
  if (words[0] == "agent") return run_agent(words[1], words[2], words.size() > 3 ? words[3] : "");
  lifeline = ::open(words[1].c_str(), O_WRONLY | O_CLOEXEC);
  return lifeline < 0 ? 1 : run_engine(words[2]);
}
