// Seconds since 1970 on disk, WallTime in memory. What cannot be said in the other saturates.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace keyhold::keyring {

inline constexpr std::uint64_t kLastSecond = static_cast<std::uint64_t>(
    std::chrono::floor<std::chrono::seconds>(WallTime::max()).time_since_epoch().count());

inline WallTime to_wall(std::uint64_t seconds) {
  return WallTime(std::chrono::seconds(std::min(seconds, kLastSecond)));
}

inline std::uint64_t to_seconds(WallTime at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0));
}

}  // namespace keyhold::keyring
