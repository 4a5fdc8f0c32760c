// Sizes and times as people write and read them; durations: base/duration.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/duration.h"
#include "base/error.h"

namespace keyhold::cli {

// "4096", "64KiB", "10GiB", "1T": powers of 1024, whatever the spelling.
Result<std::uint64_t> parse_bytes(std::string_view text);
// Three digits: "512 B", "1.50 KiB", "64.0 MiB".
std::string format_bytes(std::uint64_t bytes);

// "12,345,678".
std::string format_count(std::uint64_t count);

// RFC 3339 in UTC, whole seconds: "2026-01-31T23:59:59Z".
std::string format_time(WallTime time);
// The distance to `time`, roughly: "in 30 days", "2 hours ago", "just now".
std::string format_distance(WallTime time, WallTime now);

}  // namespace keyhold::cli
