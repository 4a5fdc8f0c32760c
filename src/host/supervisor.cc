#include "host/supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <sstream>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/signals_blocked.h"
#include "host/engine_cgroup.h"
#include "host/pidfd.h"
#include "host/process_tree.h"

namespace keyhold::host {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::hours kLongestGrace{24};
constexpr milliseconds kLookAgain{5};

// The supervisors of this process: its only children that are not orphans of an engine. The mutex
// is held over a launch, so that none is taken for an orphan before it is in.
struct SupervisorPids {
  std::mutex mutex;
  std::set<pid_t> pids;
};

// Never destroyed: a thread may still look while the process exits.
SupervisorPids& supervisor_pids() {
  static auto* const instance = new SupervisorPids;
  return *instance;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) out.emplace_back(*each);
  return out;
}

EnginePlan plan_of(const SupervisorOptions& options) {
  return {.arguments = options.engine,
          .environment = options.environment ? *options.environment : own_environment(),
          .stop_signal = options.stop_signal,
          .heartbeat_timeout = options.heartbeat_timeout,
          .use_cgroup = options.use_cgroup};
}

// Waits for a supervisor that is dead or has SIGKILL.
void wait_for(const LaunchedSupervisor& supervisor) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(supervisor.process.get()), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
  const std::lock_guard lock(supervisor_pids().mutex);
  supervisor_pids().pids.erase(supervisor.pid);
}

// One round over what a dead supervisor left to this process; whether any is left.
bool kill_orphans_once(const std::string& cgroup) {
  if (!cgroup.empty()) kill_cgroup(cgroup);
  const std::lock_guard lock(supervisor_pids().mutex);
  TreeKiller killer(supervisor_pids().pids);
  const bool left = killer.kill_all();
  killer.reap();
  return left || (!cgroup.empty() && cgroup_is_populated(cgroup));
}

}  // namespace

std::string describe_wait_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return "signal " + std::to_string(WTERMSIG(wait_status)) + " ended it";
  }
  return "it exited with status " + std::to_string(WEXITSTATUS(wait_status));
}

Result<std::unique_ptr<Supervisor>> Supervisor::start(SupervisorOptions options) {
  if (options.engine.empty()) return fail(Code::invalid_argument, "no engine to supervise");
  UniqueFd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell.open()) return fail_errno(errno, "an eventfd for the supervisor");
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return fail_errno(errno, "PR_SET_CHILD_SUBREAPER");
  EnginePlan plan = plan_of(options);
  std::unique_ptr<Supervisor> supervisor(
      new Supervisor(std::move(options), std::move(plan), std::move(bell)));
  Lock lock(supervisor->mutex_);
  KEYHOLD_TRY(supervisor->launch(lock));
  lock.unlock();
  return supervisor;
}

Supervisor::Supervisor(SupervisorOptions options, EnginePlan plan, UniqueFd bell)
    : options_(std::move(options)), plan_(std::move(plan)), bell_(std::move(bell)) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Supervisor::~Supervisor() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
    changed_.notify_all();
  }
  ring();
  thread_.join();
}

Status Supervisor::launch(Lock& lock) {
  {
    SupervisorPids& known = supervisor_pids();
    const std::lock_guard registered(known.mutex);
    KEYHOLD_TRY_ASSIGN(process_, launch_supervisor(options_.program, plan_));
    known.pids.insert(process_->pid);
  }
  ready_ = false;
  lost_ = false;
  next_beat_ = system_clock().boot_now();
  unanswered_ = BootTime::max();
  ring();
  const Deadline deadline = Deadline::after(system_clock(), kAnswerBound);
  wait_until(lock, deadline, [&] { return ready_ || !process_; });
  if (ready_) return {};
  take_for_lost();
  return fail(Code::unavailable, "the engine's supervisor did not start");
}

Status Supervisor::start_engine() {
  Lock lock(mutex_);
  if (!at_rest()) return fail(Code::busy, "the engine is not stopped");
  if (!process_) KEYHOLD_TRY(launch(lock));
  refusal_.reset();
  ordered_ = false;
  state_ = EngineState{};
  state_.phase = EnginePhase::starting;
  send(SupervisorWord::start);
  const Deadline deadline = Deadline::after(system_clock(), kAnswerBound);
  if (!wait_until(lock, deadline, [&] { return state_.phase != EnginePhase::starting; })) {
    take_for_lost();
  }
  if (refusal_) return fail(*refusal_);
  if (state_.phase == EnginePhase::running || !ordered_) {
    if (state_.phase != EnginePhase::starting && state_.phase != EnginePhase::lost) return {};
  }
  return fail(Code::unavailable, "the engine was ended while it started");
}

Status Supervisor::kill_engine(Deadline deadline) {
  Lock lock(mutex_);
  if (at_rest()) return {};
  ordered_ = true;
  state_.phase = EnginePhase::killing;
  send(SupervisorWord::kill);
  const auto patience = std::min<std::chrono::nanoseconds>(deadline.remaining(system_clock()) / 2,
                                                           std::chrono::seconds(1));
  return await_end(lock, Deadline::after(system_clock(), patience), deadline);
}

Status Supervisor::stop_engine(Deadline grace) {
  Lock lock(mutex_);
  if (at_rest()) return {};
  ordered_ = true;
  if (state_.phase != EnginePhase::killing) state_.phase = EnginePhase::stopping;
  const auto left =
      std::min<std::chrono::nanoseconds>(grace.remaining(system_clock()), kLongestGrace);
  send(SupervisorWord::stop, std::chrono::duration_cast<milliseconds>(left).count());
  return await_end(lock, Deadline::after(system_clock(), left + kKillBound / 2),
                   Deadline::after(system_clock(), left + kKillBound));
}

Status Supervisor::await_end(Lock& lock, Deadline patience, Deadline deadline) {
  const auto ended = [&] { return at_rest(); };
  if (wait_until(lock, patience, ended)) return {};
  take_for_lost();
  if (wait_until(lock, deadline, ended)) return {};
  return fail(Code::unavailable, "processes of the engine are not dead yet");
}

EngineState Supervisor::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::vector<std::string> Supervisor::warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

pid_t Supervisor::pid() const {
  const std::lock_guard lock(mutex_);
  return process_ ? process_->pid : 0;
}

bool Supervisor::at_rest() const {
  return state_.phase == EnginePhase::stopped || state_.phase == EnginePhase::lost;
}

bool Supervisor::wait_until(Lock& lock, Deadline deadline, const std::function<bool()>& holds) {
  while (!holds()) {
    const auto left = deadline.remaining(system_clock());
    if (left == std::chrono::nanoseconds::zero()) return false;
    changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(left, std::chrono::hours(1)));
  }
  return true;
}

void Supervisor::send(SupervisorWord word, std::int64_t value) {
  if (!process_ || !send_message(process_->socket.get(), {word, value, {}})) take_for_lost();
}

void Supervisor::take_for_lost() {
  lost_ = true;
  ring();
}

void Supervisor::ring() const {
  const std::uint64_t one = 1;
  (void)!::write(bell_.get(), &one, sizeof one);
}

void Supervisor::run() {
  Lock lock(mutex_);
  while (!quit_) {
    poll_events(lock);
    hear(lock);
    beat(lock);
    if (lost_ && process_) end_lost_supervisor(lock);
  }
  if (process_) end_supervisor(lock);
}

void Supervisor::poll_events(Lock& lock) {
  std::array<pollfd, 2> events{pollfd{bell_.get(), POLLIN, 0},
                               pollfd{process_ ? process_->socket.get() : -1, POLLIN, 0}};
  int timeout_ms = -1;
  if (process_) {
    const auto left = std::chrono::ceil<milliseconds>(next_beat_ - system_clock().boot_now());
    timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1000));
  }
  lock.unlock();
  ::poll(events.data(), events.size(), timeout_ms);
  std::uint64_t rings = 0;
  (void)!::read(bell_.get(), &rings, sizeof rings);
  lock.lock();
}

void Supervisor::beat(Lock& lock) {
  const BootTime now = system_clock().boot_now();
  if (!process_ || now < next_beat_) return;
  next_beat_ = now + options_.heartbeat_interval;
  if (unanswered_ != BootTime::max() && now - unanswered_ > options_.heartbeat_timeout) {
    return take_for_lost();
  }
  if (options_.alive) {
    lock.unlock();
    const bool alive = options_.alive();
    lock.lock();
    if (!alive || !process_) return;
  }
  send(SupervisorWord::heartbeat);
  unanswered_ = std::min(unanswered_, now);
}

void Supervisor::hear(Lock& lock) {
  SupervisorMessage report;
  while (process_) {
    const Receipt receipt = receive_message(process_->socket.get(), report);
    if (receipt == Receipt::nothing) return;
    if (receipt == Receipt::end) return take_for_lost();
    take(lock, report);
  }
}

void Supervisor::take(Lock& lock, const SupervisorMessage& report) {
  unanswered_ = BootTime::max();
  switch (report.word) {
    case SupervisorWord::ready: {
      std::istringstream lines(report.text);
      std::getline(lines, cgroup_);
      warnings_.clear();
      for (std::string line; std::getline(lines, line);) warnings_.push_back(line);
      ready_ = true;
      changed_.notify_all();
      return;
    }
    case SupervisorWord::started:
      state_.pid = static_cast<pid_t>(report.value);
      if (state_.phase == EnginePhase::starting) state_.phase = EnginePhase::running;
      changed_.notify_all();
      return;
    case SupervisorWord::refused:
      refusal_ = Error(static_cast<Code>(report.value), report.text);
      ordered_ = true;
      return finish(lock, EnginePhase::stopped, std::nullopt, report.text);
    case SupervisorWord::ended:
      return finish(lock, EnginePhase::stopped, static_cast<int>(report.value), report.text);
    default:
      return;
  }
}

void Supervisor::finish(Lock& lock, EnginePhase phase, std::optional<int> wait_status,
                        std::string cause) {
  state_ = {.phase = phase, .pid = 0, .wait_status = wait_status, .cause = std::move(cause)};
  changed_.notify_all();
  if (ordered_ || !options_.on_end) return;
  const EngineState state = state_;
  lock.unlock();
  options_.on_end(state);
  lock.lock();
}

void Supervisor::end_lost_supervisor(Lock& lock) {
  const bool engine_ran = !at_rest();
  state_.phase = EnginePhase::killing;
  LaunchedSupervisor lost = std::move(*process_);
  const std::string cgroup = cgroup_;
  lock.unlock();
  log::error("the engine's supervisor is lost; what it started is killed from here");
  send_signal(lost.process, SIGKILL);
  wait_for(lost);
  lock.lock();
  kill_orphans(lock, cgroup);
  process_.reset();
  lost_ = false;
  ordered_ = ordered_ || !engine_ran;
  finish(lock, EnginePhase::lost, std::nullopt, "the supervisor was lost");
}

void Supervisor::kill_orphans(Lock& lock, const std::string& cgroup) {
  Deadline deadline = Deadline::never();
  while (true) {
    lock.unlock();
    const bool left = kill_orphans_once(cgroup);
    lock.lock();
    if (!left) break;
    if (quit_ && deadline.at() == BootTime::max()) {
      deadline = Deadline::after(system_clock(), kKillBound);
    }
    if (deadline.expired(system_clock())) return;
    // No event tells that an orphan came up from below.
    changed_.wait_for(lock, kLookAgain);
  }
  if (!cgroup.empty()) remove_cgroup(cgroup);
}

void Supervisor::end_supervisor(Lock& lock) {
  ordered_ = true;
  process_->socket.reset();
  pollfd gone{process_->process.get(), POLLIN, 0};
  const auto patience = std::chrono::duration_cast<milliseconds>(kKillBound);
  if (::poll(&gone, 1, static_cast<int>(patience.count())) != 1) return end_lost_supervisor(lock);
  wait_for(*process_);
  process_.reset();
}

}  // namespace keyhold::host
