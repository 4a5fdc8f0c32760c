// Time, passed in. Thread-safe.
#pragma once

#include <chrono>
#include <memory>

namespace keyhold {

// Time since the machine's boot, suspend included (CLOCK_BOOTTIME): what leases and deadlines run
// on.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

using BootTime = BootClock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual BootTime boot_now() const = 0;
  // For dates that people and certificates read; never for a lease.
  [[nodiscard]] virtual WallTime wall_now() const = 0;
};

// The machine's clocks.
const Clock& system_clock();

// Stands still until it is moved.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot_now() const override { return boot_; }
  [[nodiscard]] WallTime wall_now() const override { return wall_; }
  void advance(std::chrono::nanoseconds by) {
    boot_ += by;
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }
  void set_wall(WallTime now) { wall_ = now; }

 private:
  BootTime boot_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

// An instant by which a piece of work must have ended; handed down unchanged, never restarted.
class Deadline {
 public:
  static Deadline never() { return Deadline(BootTime::max()); }
  static Deadline after(const Clock& clock, std::chrono::nanoseconds span) {
    return Deadline(clock.boot_now() + span);
  }

  [[nodiscard]] bool expired(const Clock& clock) const { return clock.boot_now() >= at_; }
  [[nodiscard]] std::chrono::nanoseconds remaining(const Clock& clock) const;
  [[nodiscard]] BootTime at() const { return at_; }

 private:
  explicit Deadline(BootTime at) : at_(at) {}
  BootTime at_;
};

}  // namespace keyhold
