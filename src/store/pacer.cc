#include "store/pacer.h"

#include <algorithm>
#include <chrono>

namespace keyhold::store {
namespace {

// Of a second's bytes.
BootClock::duration cost(std::uint64_t bytes, std::uint64_t rate) {
  const double seconds = static_cast<double>(bytes) / static_cast<double>(rate);
  return std::chrono::duration_cast<BootClock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

void Pacer::set_rate(std::uint64_t bytes_per_second) {
  const std::lock_guard lock(mutex_);
  if (rate_ == bytes_per_second) return;
  rate_ = bytes_per_second;
  free_at_ = clock_.boot_now();
  changed_.notify_all();
}

Status Pacer::wait(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopped_) return fail(Code::busy, "re-encryption was stopped; it goes on when it is run");
    const BootTime now = clock_.boot_now();
    if (rate_ == 0 || now >= free_at_) break;
    changed_.wait_for(lock, free_at_ - now);
  }
  // Time that nothing was asked for is not saved up.
  if (rate_ != 0) free_at_ = std::max(free_at_, clock_.boot_now()) + cost(bytes, rate_);
  return {};
}

void Pacer::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace keyhold::store
