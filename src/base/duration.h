// Durations as people write and read them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyhold {

// "30d", "12h", "15m", "90s", "500ms", or a combination as "1h30m"; "0" for none.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// The shortest that parse_duration reads back: "30d", "1h30m", "500ms".
std::string format_duration(std::chrono::milliseconds span);

}  // namespace keyhold
