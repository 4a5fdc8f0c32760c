// Tells when nobody reads any more through what was replaced, at two uncontended additions a read.
//
// The scheme is that of sleepable RCU: readers count themselves in one of two sets of counters; who
// waits turns new readers to the other set and waits for the first to become empty.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace keyhold::store {

// Thread-safe.
class ReadGate {
  static constexpr std::size_t kStripes = 16;
  struct alignas(64) Counter {
    std::atomic<std::uint32_t> readers = 0;
  };

 public:
  // While it lives, wait_for_readers() of another thread does not return. What it reads through is
  // loaded after it was made.
  class Use {
   public:
    explicit Use(ReadGate& gate) : gate_(gate), counter_(gate.enter()) {}
    ~Use() { gate_.leave(counter_); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    ReadGate& gate_;
    Counter& counter_;
  };

  // Returns when every use that may have begun before the call has ended. Not within a use.
  void wait_for_readers();

 private:
  Counter& enter();
  void leave(Counter& counter);
  void wait_for(std::array<Counter, kStripes>& counters);

  std::array<std::array<Counter, kStripes>, 2> counters_;
  std::atomic<std::size_t> set_ = 0;
  std::atomic<bool> waited_for_ = false;
  std::mutex waiters_;  // one at a time
};

}  // namespace keyhold::store
