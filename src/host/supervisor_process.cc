#include "host/supervisor_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/engine_cgroup.h"
#include "host/engine_process.h"
#include "host/process_tree.h"
#include "host/supervisor_fds.h"

namespace keyhold::host {
namespace {

// While it kills: no event tells that an orphan came up from below.
constexpr int kLookAgainMs = 5;

class SupervisorProcess {
 public:
  explicit SupervisorProcess(EnginePlan plan) : plan_(std::move(plan)) {}

  Status prepare();
  void run();

 private:
  enum class Phase : std::uint8_t { idle, running, stopping, killing };

  [[nodiscard]] std::string ready_text() const;
  void wait();
  void arm_timer();
  [[nodiscard]] BootTime next_deadline() const;
  void check_clocks();
  void take_orders();
  void obey(const SupervisorMessage& order);
  void start();
  void stop(std::chrono::milliseconds grace);
  void begin_kill(const char* why);
  void kill_round();
  bool reap();
  void end();
  static void report(SupervisorWord word, std::int64_t value = 0, std::string text = {}) {
    send_message(kSupervisorSocket, {word, value, std::move(text)});
  }

  const EnginePlan plan_;
  std::optional<EngineCgroup> cgroup_;
  std::vector<std::string> warnings_;
  TreeKiller killer_;
  UniqueFd deaths_;
  UniqueFd timer_;
  Phase phase_ = Phase::idle;
  bool agent_gone_ = false;
  pid_t engine_ = 0;
  int engine_status_ = 0;
  const char* why_ = "";
  BootTime heard_{};
  BootTime stop_by_ = BootTime::max();
};

Status SupervisorProcess::prepare() {
  ::prctl(PR_SET_NAME, "keyhold-superv");
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return fail_errno(errno, "PR_SET_CHILD_SUBREAPER");
  // Its life is bound to the agent's end of the socket, never to a signal from elsewhere: an init
  // that stops agent and supervisor together must not leave the engine alone.
  sigset_t blocked;
  sigfillset(&blocked);
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  deaths_ = UniqueFd(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  timer_ = UniqueFd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!deaths_.open() || !timer_.open()) return fail_errno(errno, "the supervisor's events");
  warnings_ = engine_limit_warnings();
  if (!plan_.use_cgroup) return {};
  auto cgroup = EngineCgroup::create();
  if (cgroup) {
    cgroup_.emplace(std::move(*cgroup));
    warnings_.insert(warnings_.end(), cgroup_->warnings().begin(), cgroup_->warnings().end());
    return {};
  }
  warnings_.push_back("the engine has no cgroup of its own (" + cgroup.error().message() +
                      "): it may be swapped, and is killed process by process");
  return {};
}

std::string SupervisorProcess::ready_text() const {
  std::string text = cgroup_ ? cgroup_->path() : std::string();
  for (const std::string& warning : warnings_) text += "\n" + warning;
  return text;
}

void SupervisorProcess::run() {
  report(SupervisorWord::ready, 0, ready_text());
  while (!agent_gone_ || phase_ != Phase::idle) {
    wait();
    check_clocks();
    take_orders();
    if (reap() && (phase_ == Phase::running || phase_ == Phase::stopping)) {
      begin_kill("the engine's main process ended");
    }
    if (phase_ == Phase::killing) kill_round();
  }
}

void SupervisorProcess::wait() {
  arm_timer();
  // A closed socket would be readable for ever.
  const int socket = agent_gone_ ? -1 : kSupervisorSocket;
  std::array<pollfd, 3> events{pollfd{socket, POLLIN, 0}, pollfd{deaths_.get(), POLLIN, 0},
                               pollfd{timer_.get(), POLLIN, 0}};
  ::poll(events.data(), events.size(), phase_ == Phase::killing ? kLookAgainMs : -1);
  std::array<signalfd_siginfo, 16> told{};
  while (::read(deaths_.get(), told.data(), sizeof told) > 0) {
  }
}

BootTime SupervisorProcess::next_deadline() const {
  if (phase_ != Phase::running && phase_ != Phase::stopping) return BootTime::max();
  return std::min(stop_by_, heard_ + plan_.heartbeat_timeout);
}

// Setting it also takes away the expiry that was not read.
void SupervisorProcess::arm_timer() {
  itimerspec when{};
  const BootTime deadline = next_deadline();
  if (deadline != BootTime::max()) {
    const auto since_boot = deadline.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (since_boot - seconds).count();
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

// Before the orders: a heartbeat that comes after the time is over is late.
void SupervisorProcess::check_clocks() {
  if (system_clock().boot_now() < next_deadline()) return;
  begin_kill(stop_by_ == next_deadline() ? "it did not stop in time"
                                         : "the agent gave no sign of life");
}

void SupervisorProcess::take_orders() {
  SupervisorMessage order;
  while (!agent_gone_) {
    const Receipt receipt = receive_message(kSupervisorSocket, order);
    if (receipt == Receipt::nothing) return;
    if (receipt == Receipt::end) {
      agent_gone_ = true;
      if (phase_ != Phase::idle) begin_kill("the agent ended");
      return;
    }
    heard_ = system_clock().boot_now();
    obey(order);
  }
}

void SupervisorProcess::obey(const SupervisorMessage& order) {
  switch (order.word) {
    case SupervisorWord::heartbeat:
      return report(SupervisorWord::heartbeat);
    case SupervisorWord::start:
      return start();
    case SupervisorWord::stop:
      return stop(std::chrono::milliseconds(order.value));
    case SupervisorWord::kill:
      // Idle: its end was reported already.
      if (phase_ != Phase::idle) begin_kill("by order");
      return;
    default:
      return;
  }
}

void SupervisorProcess::start() {
  if (phase_ != Phase::idle) {
    return report(SupervisorWord::refused, static_cast<int>(Code::busy), "an engine runs already");
  }
  auto engine = start_engine_process(plan_, cgroup_ ? cgroup_->procs() : -1);
  if (!engine) {
    return report(SupervisorWord::refused, static_cast<int>(engine.error().code()),
                  engine.error().message());
  }
  engine_ = *engine;
  engine_status_ = 0;
  stop_by_ = BootTime::max();
  phase_ = Phase::running;
  report(SupervisorWord::started, engine_);
}

void SupervisorProcess::stop(std::chrono::milliseconds grace) {
  if (phase_ != Phase::running) return;
  stop_by_ = system_clock().boot_now() + grace;
  phase_ = Phase::stopping;
  // Its number is its own until it has been waited for, which only this thread does.
  if (engine_ != 0) ::kill(engine_, plan_.stop_signal);
}

void SupervisorProcess::begin_kill(const char* why) {
  if (phase_ == Phase::killing) return;
  why_ = phase_ == Phase::stopping && engine_ == 0 ? "it stopped" : why;
  phase_ = Phase::killing;
  killer_ = TreeKiller();
}

void SupervisorProcess::kill_round() {
  if (cgroup_) kill_cgroup(cgroup_->path());
  killer_.kill_all();
  reap();
  // Without a child there is no descendant: each would have come up to this subreaper.
  const bool childless = ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
  if (childless && !(cgroup_ && cgroup_is_populated(cgroup_->path()))) end();
}

// True where the engine's main process is among the dead.
bool SupervisorProcess::reap() {
  bool main_ended = false;
  int status = 0;
  for (pid_t dead = 0; (dead = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (dead != engine_) continue;
    engine_ = 0;
    engine_status_ = status;
    main_ended = true;
  }
  return main_ended;
}

void SupervisorProcess::end() {
  phase_ = Phase::idle;
  report(SupervisorWord::ended, engine_status_, why_);
}

}  // namespace

std::optional<int> run_as_supervisor(const std::vector<std::string>& words) {
  if (words.size() != 1 || words.front() != kSupervisorWord) return std::nullopt;
  auto plan = read_plan(kSupervisorPlan);
  if (!plan) {
    std::fprintf(stderr, "keyhold %s is started by the agent alone\n", kSupervisorWord);
    return exit_status(Code::invalid_argument);
  }
  keep_to_supervisor_fds();
  SupervisorProcess supervisor(std::move(*plan));
  if (const auto ready = supervisor.prepare(); !ready) {
    std::fprintf(stderr, "the engine's supervisor: %s\n", ready.error().message().c_str());
    return exit_status(ready.error().code());
  }
  supervisor.run();
  return 0;
}

}  // namespace keyhold::host
