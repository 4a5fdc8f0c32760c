#include "agent/engine_starter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"

namespace keyhold::agent {
namespace {

// For an engine that was started into a seal; the supervisor goes on killing beyond it.
constexpr std::chrono::seconds kLateKill{10};

}  // namespace

EngineStarter::EngineStarter(const Clock& clock, EngineWork work)
    : clock_(clock), work_(std::move(work)) {
  thread_.start([] { return std::chrono::hours(1); });
}

void EngineStarter::start_after_unseal() {
  {
    const std::lock_guard lock(mutex_);
    fenced_ = false;
  }
  post();
}

// A thread that was stopped takes none: the agent ends.
void EngineStarter::post() {
  static_cast<void>(thread_.post([this] { run(); }));
}

void EngineStarter::run() {
  if (!work_.may_start()) return;
  {
    const std::lock_guard lock(mutex_);
    if (fenced_) return;
    starting_ = true;
  }
  const Status started = work_.start();
  bool fenced = false;
  {
    const std::lock_guard lock(mutex_);
    starting_ = false;
    fenced = fenced_;
    changed_.notify_all();
  }
  if (fenced) {
    // The fence may have come before there was anything to kill.
    const Status killed = work_.kill(Deadline::after(clock_, kLateKill));
    if (!killed) log::error("the engine still runs: " + killed.error().message());
  } else if (!started) {
    work_.fail(started.error());
  }
}

bool EngineStarter::fence(Deadline deadline) {
  bool overtakes = false;
  {
    const std::lock_guard lock(mutex_);
    fenced_ = true;
    overtakes = starting_;
  }
  Status killed = work_.kill(deadline);
  if (overtakes) {
    if (!wait_for_start(deadline)) {
      log::error("the engine is being started and cannot be stopped in time");
      return false;
    }
    killed = work_.kill(deadline);
  }
  if (!killed) log::error("the engine still runs: " + killed.error().message());
  return killed.has_value();
}

bool EngineStarter::wait_for_start(Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (starting_) {
    const auto left = deadline.remaining(clock_);
    if (left <= std::chrono::nanoseconds::zero()) return false;
    changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(left, std::chrono::hours(1)));
  }
  return true;
}

}  // namespace keyhold::agent
