// Starts and fences the agent's engine, which the lease, the first start and the agent's end order
// from threads of their own. A start takes as long as the engine's supervisor does, ten seconds and
// more; it holds up no fence and no lease.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/clock.h"
#include "base/error.h"
#include "host/upkeep.h"

namespace keyhold::agent {

struct EngineWork {
  std::function<Status()> start;           // nothing to do where the engine runs
  std::function<Status(Deadline)> kill;    // called during a start too, and ends what it began
  std::function<bool()> may_start;         // the store serves
  std::function<void(const Error&)> fail;  // a start failed that no fence overtook
};

// Thread-safe. The work is called without a lock, one start at a time.
class EngineStarter {
 public:
  EngineStarter(const Clock& clock, EngineWork work);
  EngineStarter(const EngineStarter&) = delete;
  EngineStarter& operator=(const EngineStarter&) = delete;
  ~EngineStarter() { stop(); }

  // Return at once: a thread of this object's does it. The first start is left to the unseal where
  // a seal came in between.
  void start_first() { post(); }
  void start_after_unseal();

  // Kills the engine, and one that is being started. True once nothing of it is left and nothing
  // can be started before start_after_unseal(); false where that was not to be had by the deadline:
  // then a start under way ends in a kill.
  bool fence(Deadline deadline);

  // No start from now on; waits for the one under way.
  void stop() { thread_.stop(); }

 private:
  void post();
  void run();
  bool wait_for_start(Deadline deadline);

  const Clock& clock_;
  const EngineWork work_;
  std::mutex mutex_;  // never held over the work
  std::condition_variable changed_;
  bool fenced_ = false;
  bool starting_ = false;
  host::Upkeep thread_;
};

}  // namespace keyhold::agent
