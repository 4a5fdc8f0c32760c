// Instants as RFC 3339 writes them: 2026-03-01T09:30:00.250Z.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace keyhold {

// UTC, cut to milliseconds.
std::string format_timestamp(WallTime time);
// Exactly what format_timestamp writes, years 1970 to 2261; nothing for anything else.
std::optional<WallTime> parse_timestamp(std::string_view text);

}  // namespace keyhold
