#include "cli/units.h"

#include <array>
#include <charconv>
#include <ctime>
#include <limits>

#include <fmt/core.h>

namespace keyhold::cli {
namespace {

// A number at the head of `text`, which loses it.
bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

tl::unexpected<Error> not_a_size(std::string_view text) {
  return fail(
      Code::invalid_argument,
      fmt::format("\"{}\" is not a size: write it as 4096, 64KiB, 10MiB, 5GiB or 1TiB", text));
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kLetters = "KMGTP";
  std::string_view rest = text;
  std::uint64_t count = 0;
  if (!take_number(rest, count)) return not_a_size(text);
  if (rest.empty() || rest == "B") return count;
  const auto power = kLetters.find(rest.front());
  rest.remove_prefix(1);
  if (power == std::string_view::npos || (!rest.empty() && rest != "iB" && rest != "B")) {
    return not_a_size(text);
  }
  const auto shift = static_cast<int>((power + 1) * 10);
  if (count > (std::numeric_limits<std::uint64_t>::max() >> shift)) return not_a_size(text);
  return count << shift;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array kNames = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double amount = static_cast<double>(bytes) / 1024;
  std::size_t name = 0;
  while (amount >= 999.5 && name + 1 < kNames.size()) {
    amount /= 1024;
    ++name;
  }
  const int decimals = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", amount, decimals, kNames.at(name));
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string format_time(WallTime time) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_distance(WallTime time, WallTime now) {
  const bool future = time > now;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(future ? time - now : now - time).count();
  struct Step {
    long long seconds;
    std::string_view name;
  };
  constexpr std::array kSteps = {Step{86'400, "day"}, Step{3'600, "hour"}, Step{60, "minute"},
                                 Step{1, "second"}};
  for (const Step& step : kSteps) {
    const auto count = (seconds + step.seconds / 2) / step.seconds;
    if (seconds < step.seconds) continue;
    const auto text = fmt::format("{} {}{}", count, step.name, count == 1 ? "" : "s");
    return future ? "in " + text : text + " ago";
  }
  return "just now";
}

}  // namespace keyhold::cli
