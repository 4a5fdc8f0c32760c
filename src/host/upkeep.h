// The host's thread: runs what comes due and what clients order, one thing at a time, and sleeps
// between them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace keyhold::host {

class Upkeep {
 public:
  using Job = std::function<void()>;
  // Does what is due and returns how long there is nothing to do.
  using Chores = std::function<std::chrono::nanoseconds()>;

  static constexpr std::size_t kMaxJobs = 64;

  // Nothing runs before start().
  Upkeep() = default;
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;
  ~Upkeep() { stop(); }

  void start(Chores chores);
  // Waits for what runs; jobs that have not begun are dropped.
  void stop();

  // False where too many wait, or none is taken.
  bool post(Job job);
  // The chores run again soon. Cheap; any thread.
  void wake();

 private:
  void run(const Chores& chores);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool woken_ = false;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace keyhold::host
