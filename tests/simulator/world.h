// The simulated world: its time, its chance, what happened in it and what must not have.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace keyhold::simulator {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Chance that is the same everywhere for the same seed.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }
  double fraction() { return static_cast<double>(engine_() >> 11U) * 0x1.0p-53; }
  nanoseconds between(nanoseconds low, nanoseconds high) {
    return low + nanoseconds(static_cast<std::int64_t>(
                     below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }
  template <typename T>
  const T& any_of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937_64 engine_;
};

struct Violation {
  std::string property;
  std::string what;
};

class World {
 public:
  World(std::uint64_t seed, bool tracing) : chance(seed), tracing_(tracing) {}

  Chance chance;
  nanoseconds wall_offset{0};  // of the wall clock against the time since boot

  [[nodiscard]] BootTime now() const { return now_; }
  void at(BootTime when, std::function<void()> what);
  void after(nanoseconds span, std::function<void()> what) { at(now_ + span, std::move(what)); }
  // Until then, or the first violation.
  void run_until(BootTime end);

  void note(const std::string& who, const std::string& what);
  // Only the first one counts.
  void violated(const std::string& property, const std::string& what);
  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }

 private:
  BootTime now_{hours(1)};
  std::multimap<BootTime, std::function<void()>> due_;  // equal times in the order of their coming
  int standing_ = 0;                                    // events since time last passed
  bool tracing_;
  std::vector<std::string> trace_;
  std::optional<Violation> violation_;
};

}  // namespace keyhold::simulator
