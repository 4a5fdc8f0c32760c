// What a process does with its engine around a seal. An engine answers from its own memory while
// all of its I/O fails, so a seal is not done before the engine is fenced.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.h"

namespace keyhold::host {

// Each is called on a thread of the store's keys, one at a time; none may use the store's keys from
// that thread after fence() returned. An empty one does nothing.
struct Engine {
  // Stops the engine while its I/O is still answered. True once it serves nothing from its own
  // memory any more; false where that was not to be had by the deadline.
  std::function<bool(const std::string& reason, Deadline deadline)> fence;
  // After a fence that failed, once every key is wiped: ends whatever serves.
  std::function<void(const std::string& reason)> end;
  // The keys are back and I/O is answered again.
  std::function<void()> resume;
};

// For fence(), before I/O is refused: within the second or two that DESIGN 5 leaves a seal.
inline constexpr std::chrono::nanoseconds kDefaultFenceTimeout = std::chrono::seconds(2);

// The engine of a store's keys, set by whoever attached them. Thread-safe; what it calls may not
// set another engine.
class EngineSeat {
 public:
  void set(Engine engine) {
    const std::lock_guard lock(mutex_);
    engine_ = std::move(engine);
  }
  // True where nothing is left to be ended.
  bool fence(const std::string& reason, Deadline deadline) {
    const std::lock_guard lock(mutex_);
    return !engine_.fence || engine_.fence(reason, deadline);
  }
  void end(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (engine_.end) engine_.end(reason);
  }
  void resume() {
    const std::lock_guard lock(mutex_);
    if (engine_.resume) engine_.resume();
  }

 private:
  std::mutex mutex_;
  Engine engine_;
};

}  // namespace keyhold::host
