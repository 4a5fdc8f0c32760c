#include "host/upkeep.h"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include "base/signals_blocked.h"

namespace keyhold::host {
namespace {

// Also bounds what a clock that was set or a suspended machine can delay.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::minutes(15);

}  // namespace

void Upkeep::start(Chores chores) {
  const std::lock_guard lock(mutex_);
  running_ = true;
  const SignalsBlocked blocked;
  thread_ = std::thread([this, chores = std::move(chores)] { run(chores); });
}

void Upkeep::stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    jobs_.clear();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Upkeep::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (!running_ || jobs_.size() >= kMaxJobs) return false;
  jobs_.push_back(std::move(job));
  changed_.notify_all();
  return true;
}

void Upkeep::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void Upkeep::run(const Chores& chores) {
  pthread_setname_np(pthread_self(), "keyhold-upkeep");
  std::unique_lock lock(mutex_);
  while (running_) {
    woken_ = false;
    lock.unlock();
    const std::chrono::nanoseconds idle =
        std::clamp(chores(), std::chrono::nanoseconds(std::chrono::milliseconds(1)), kLongestSleep);
    lock.lock();
    changed_.wait_for(lock, idle, [&] { return !running_ || woken_ || !jobs_.empty(); });
    while (running_ && !jobs_.empty()) {
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }
}

}  // namespace keyhold::host
