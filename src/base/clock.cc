#include "base/clock.h"

#include <algorithm>
#include <ctime>

namespace keyhold {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot_now() const override {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return BootTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
  [[nodiscard]] WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace

// Never destroyed: an engine's threads may still run while the process exits.
const Clock& system_clock() {
  static const auto* const clock = new SystemClock;
  return *clock;
}

std::chrono::nanoseconds Deadline::remaining(const Clock& clock) const {
  if (at_ == BootTime::max()) return std::chrono::nanoseconds::max();
  return std::max(at_ - clock.boot_now(), std::chrono::nanoseconds::zero());
}

}  // namespace keyhold
