// The agent's hold on its engine: a supervisor (a keyless process, `supervisor_process.h`) that
// starts the engine on order and kills all of it on order, at the agent's end, or when the agent
// gives no sign of life. Thread-safe.
//
// The engine is its main process and every descendant, also those that called setsid or forked
// twice. Its main process stays in the foreground: when it ends, what it left is killed. Nothing
// is ever started again but by start_engine().
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "host/supervisor_process.h"
#include "host/supervisor_wire.h"
#include "host/unique_fd.h"

namespace keyhold::host {

enum class EnginePhase : std::uint8_t {
  stopped,   // no process of the engine is left
  starting,  // ordered, not yet running
  running,
  stopping,  // has its stop signal and its grace
  killing,   // not all of it is dead yet
  lost,      // the supervisor died, and what it had started is dead too
};

struct EngineState {
  EnginePhase phase = EnginePhase::stopped;
  pid_t pid = 0;                   // of the main process, while it runs
  std::optional<int> wait_status;  // of the last main process that ended, as wait(2) has it
  std::string cause;               // why the last one ended
};

// "it exited with status 1", "signal 9 ended it".
std::string describe_wait_status(int wait_status);

struct SupervisorOptions {
  std::vector<std::string> engine;                      // program (sought in PATH), arguments
  std::optional<std::vector<std::string>> environment;  // NAME=VALUE; none: this process's own
  int stop_signal = SIGTERM;
  std::chrono::nanoseconds heartbeat_interval = std::chrono::seconds(1);
  // Silence of this length (CLOCK_BOOTTIME) ends the engine; that of the supervisor, the
  // supervisor.
  std::chrono::nanoseconds heartbeat_timeout = std::chrono::seconds(5);
  bool use_cgroup = true;
  std::string program = "/proc/self/exe";  // its main calls run_as_supervisor() first
  // Asked before each heartbeat: false withholds it. For an agent that knows itself to be stuck.
  std::function<bool()> alive;
  // An end that no order of this process brought about: the engine's own, a missed heartbeat, a
  // lost supervisor. All of the engine is dead by then. Called on a thread of the supervisor's; it
  // must not call back into the Supervisor but for state() and warnings(), and not block.
  std::function<void(const EngineState&)> on_end;
};

class Supervisor {
 public:
  // Makes the supervisor process; no engine yet. This process becomes a child subreaper, so that
  // the engine's orphans reach it if the supervisor is killed. Until the last Supervisor is gone it
  // has no other children: after such a loss every child of its that is no supervisor is killed.
  static Result<std::unique_ptr<Supervisor>> start(SupervisorOptions options);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  // Kills the engine and ends the supervisor.
  ~Supervisor();

  // Returns once the engine's program runs. busy: one runs already. After a loss it makes a new
  // supervisor first.
  Status start_engine();

  // Returns once no process of the engine is left; at once where none is. A supervisor that does
  // not report within half the time, or a second, is killed, and the engine from here.
  // unavailable: at the deadline some were left; the killing goes on.
  Status kill_engine(Deadline deadline);

  // Stop signal to the main process, at the end of `grace` kill_engine(). Returns as that does, at
  // most kKillBound after the grace.
  Status stop_engine(Deadline grace);

  [[nodiscard]] EngineState state() const;

  // What this machine refused, one sentence each, for `status`.
  [[nodiscard]] std::vector<std::string> warnings() const;

  [[nodiscard]] pid_t pid() const;  // of the supervisor process

  static constexpr std::chrono::seconds kKillBound{2};
  static constexpr std::chrono::seconds kAnswerBound{10};

 private:
  using Lock = std::unique_lock<std::mutex>;

  Supervisor(SupervisorOptions options, EnginePlan plan, UniqueFd bell);

  Status launch(Lock& lock);
  Status await_end(Lock& lock, Deadline patience, Deadline deadline);
  bool wait_until(Lock& lock, Deadline deadline, const std::function<bool()>& holds);
  [[nodiscard]] bool at_rest() const;
  void send(SupervisorWord word, std::int64_t value = 0);
  void take_for_lost();
  void ring() const;

  void run();
  void poll_events(Lock& lock);
  void beat(Lock& lock);
  void hear(Lock& lock);
  void take(Lock& lock, const SupervisorMessage& report);
  void finish(Lock& lock, EnginePhase phase, std::optional<int> wait_status, std::string cause);
  void end_lost_supervisor(Lock& lock);
  void kill_orphans(Lock& lock, const std::string& cgroup);
  void end_supervisor(Lock& lock);

  const SupervisorOptions options_;
  const EnginePlan plan_;
  const UniqueFd bell_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<LaunchedSupervisor> process_;  // reset by the thread alone
  EngineState state_;
  std::optional<Error> refusal_;  // of the last start order
  bool ordered_ = false;          // to end: its end is no news
  bool ready_ = false;
  bool lost_ = false;  // the supervisor is to be taken for lost
  bool quit_ = false;
  std::string cgroup_;
  std::vector<std::string> warnings_;
  BootTime next_beat_{};
  BootTime unanswered_ = BootTime::max();  // since when a heartbeat has had no answer

  std::thread thread_;
};

}  // namespace keyhold::host
