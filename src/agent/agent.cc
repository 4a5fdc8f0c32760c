#include "agent/agent.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "agent/engine_starter.h"
#include "agent/metrics.h"
#include "base/log.h"
#include "host/supervisor.h"
#include "host/unique_fd.h"

namespace keyhold::agent {
namespace {

using host::EnginePhase;
using host::EngineState;
using host::Supervisor;
using host::UniqueFd;

int exit_status_of(const EngineState& engine) {
  if (!engine.wait_status) return 1;
  const int status = *engine.wait_status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// SIGTERM and SIGINT as something to read, for this thread and every one after it.
Result<UniqueFd> block_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  UniqueFd signals(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.open()) return fail_errno(errno, "a signalfd");
  return signals;
}

bool is_serving(host::HostState state) {
  return state == host::HostState::serving || state == host::HostState::degraded;
}

class Agent {
 public:
  Agent(const host::Environment& environment, AgentOptions options)
      : environment_(environment), options_(std::move(options)) {}
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  Result<int> run();

 private:
  Status start();
  void open_host();
  Status start_engine();
  host::Engine engine();
  void note_end(const EngineState& engine);
  int wait_for_end();
  void stop_engine();
  void end_with(int status);
  void fail_with(const Error& error);
  std::optional<Error> failure();

  const host::Environment environment_;
  AgentOptions options_;
  UniqueFd signals_;
  UniqueFd ended_;  // an eventfd: the engine ended by itself, or the store cannot be opened
  std::atomic<int> status_ = 0;
  std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<EngineStarter> starter_;  // where there is a supervisor
  std::unique_ptr<Metrics> metrics_;
  std::thread opening_;
  std::unique_ptr<host::Host> host_;  // made by `opening_`
  std::mutex alive_mutex_;
  host::Host* live_host_ = nullptr;  // for the supervisor's heartbeat
  std::atomic<bool> open_ = false;
};

// The lease's thread calls the starter, the starter the supervisor, the supervisor's thread the
// host: each goes when nobody calls it any more.
Agent::~Agent() {
  if (opening_.joinable()) opening_.join();
  if (host_) host_->set_engine({});
  starter_.reset();
  supervisor_.reset();
  host_.reset();
}

// The supervisor comes first: nothing secret is in this process yet.
Status Agent::start() {
  KEYHOLD_TRY_ASSIGN(signals_, block_signals());
  ended_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ended_.open()) return fail_errno(errno, "an eventfd");
  if (!options_.engine.empty()) {
    host::SupervisorOptions supervised;
    supervised.engine = options_.engine;
    supervised.alive = [this] {
      const std::lock_guard lock(alive_mutex_);
      return live_host_ == nullptr || live_host_->keeps_time();
    };
    supervised.on_end = [this](const EngineState& engine) { note_end(engine); };
    KEYHOLD_TRY_ASSIGN(supervisor_, Supervisor::start(std::move(supervised)));
    starter_ = std::make_unique<EngineStarter>(
        environment_.clock,
        EngineWork{.start = [this] { return start_engine(); },
                   .kill = [this](Deadline deadline) { return supervisor_->kill_engine(deadline); },
                   .may_start = [this] { return is_serving(host_->status().state); },
                   .fail =
                       [this](const Error& error) {
                         log::error("the engine did not start: " + error.message());
                         fail_with(error);
                       }});
    for (const std::string& warning : supervisor_->warnings()) log::warning(warning);
  }
  if (!options_.metrics_address.empty()) {
    KEYHOLD_TRY_ASSIGN(metrics_, Metrics::start(options_.metrics_address, options_.store_path,
                                                environment_.clock));
    const std::string host =
        options_.metrics_address.substr(0, options_.metrics_address.rfind(':') + 1);
    log::info("metrics at http://" + host + std::to_string(metrics_->port()) + "/metrics");
  }
  return {};
}

// Waits for the KMS as long as it takes, so on a thread of its own: a signal still ends the agent.
void Agent::open_host() {
  auto opened = host::Host::open(environment_, options_.store_path, options_.host);
  if (!opened) return fail_with(opened.error());
  host_ = *std::move(opened);
  host_->set_engine(engine());
  {
    const std::lock_guard lock(alive_mutex_);
    live_host_ = host_.get();
  }
  open_ = true;
  if (starter_) starter_->start_first();
}

// An unseal may have come before the first start.
Status Agent::start_engine() {
  if (supervisor_->state().phase == EnginePhase::running) return {};
  return supervisor_->start_engine();
}

// An engine that ends while the store is being sealed, perhaps of an I/O error that the seal gave
// it, is started again by the unseal.
void Agent::note_end(const EngineState& engine) {
  const bool serves = !open_ || is_serving(host_->status().state);
  log::error("the engine ended: " + engine.cause +
             (serves ? "" : "; the store is sealed, and the unseal starts it again"));
  if (serves) end_with(exit_status_of(engine));
}

host::Engine Agent::engine() {
  if (!supervisor_) return {};
  return {
      .fence = [this](const std::string&, Deadline deadline) { return starter_->fence(deadline); },
      .end =
          [this](const std::string&) {
            // Its I/O fails by now; the killing goes on until nothing is left.
            static_cast<void>(supervisor_->kill_engine(Deadline::never()));
          },
      .resume = [this] { starter_->start_after_unseal(); }};
}

void Agent::end_with(int status) {
  status_ = status;
  const std::uint64_t one = 1;
  (void)!::write(ended_.get(), &one, sizeof one);
}

void Agent::fail_with(const Error& error) {
  {
    const std::lock_guard lock(failure_mutex_);
    failure_ = error;
  }
  end_with(1);
}

std::optional<Error> Agent::failure() {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

int Agent::wait_for_end() {
  std::array<pollfd, 2> fds = {pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = ended_.get(), .events = POLLIN, .revents = 0}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  if (fds[1].revents != 0) return status_;
  log::info("asked to end");
  return 0;
}

// One that is being started is asked to stop like any other.
void Agent::stop_engine() {
  if (!supervisor_) return;
  starter_->stop();
  const Status stopped =
      supervisor_->stop_engine(Deadline::after(environment_.clock, options_.stop_timeout));
  if (!stopped) log::error("the engine: " + stopped.error().message());
}

Result<int> Agent::run() {
  KEYHOLD_TRY(start());
  opening_ = std::thread([this] { open_host(); });
  const int status = wait_for_end();
  // A host that still waits for its KMS has no keys and no engine: there is nothing to end well.
  if (!open_ && !failure()) std::_Exit(status);
  stop_engine();
  if (const auto error = failure()) return fail(*error);
  return status;
}

}  // namespace

Result<int> run_agent(const host::Environment& environment, AgentOptions options) {
  options.host.retry.wait = host::kForever;
  options.host.retry.denials_too = true;
  options.host.waits_while_sealed = true;
  options.host.remove_leftovers = true;
  options.host.program = "keyhold agent";
  return Agent(environment, std::move(options)).run();
}

}  // namespace keyhold::agent
