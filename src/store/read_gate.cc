#include "store/read_gate.h"

namespace keyhold::store {
namespace {

std::size_t own_stripe() {
  static std::atomic<std::size_t> threads = 0;
  thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace

// Sequentially consistent throughout: a reader that the waiter did not count loads what was
// replaced only after the replacement.
ReadGate::Counter& ReadGate::enter() {
  Counter& counter = counters_[set_.load()][own_stripe() % kStripes];
  counter.readers.fetch_add(1);
  return counter;
}

void ReadGate::leave(Counter& counter) {
  counter.readers.fetch_sub(1);
  if (waited_for_.load()) counter.readers.notify_all();
}

void ReadGate::wait_for(std::array<Counter, kStripes>& counters) {
  for (Counter& counter : counters) {
    for (std::uint32_t readers = counter.readers.load(); readers != 0;
         readers = counter.readers.load()) {
      counter.readers.wait(readers);
    }
  }
}

// A reader may have looked at set_ and not counted itself yet, hence both sets: first the one that
// such a stale look can still lead to, then, after the turn, the one in use.
void ReadGate::wait_for_readers() {
  const std::lock_guard lock(waiters_);
  waited_for_ = true;
  const std::size_t current = set_.load();
  wait_for(counters_[1 - current]);
  set_ = 1 - current;
  wait_for(counters_[current]);
  waited_for_ = false;
}

}  // namespace keyhold::store
