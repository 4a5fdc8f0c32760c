// Holds background work to a number of bytes a second, and stops it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "base/error.h"

namespace keyhold::store {

// Thread-safe.
class Pacer {
 public:
  explicit Pacer(const Clock& clock) : clock_(clock) {}

  // 0: no limit. Counts for waits under way too.
  void set_rate(std::uint64_t bytes_per_second);
  // Waits until the bytes before these are paid for. Code::busy after stop().
  Status wait(std::uint64_t bytes);
  void stop();

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t rate_ = 0;
  BootTime free_at_{};
  bool stopped_ = false;
};

}  // namespace keyhold::store
