#include "base/duration.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace keyhold {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t milliseconds;
};

constexpr std::array kUnits = {
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1},
};

constexpr std::uint64_t kMaxMilliseconds = std::uint64_t{100} * 365 * 86'400'000;

// A number at the head of `text`, which loses it.
bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::string_view take_letters(std::string_view& text) {
  const auto end = text.find_first_of("0123456789");
  const auto letters = text.substr(0, end);
  text.remove_prefix(letters.size());
  return letters;
}

tl::unexpected<Error> not_a_duration(std::string_view text) {
  return fail(
      Code::invalid_argument,
      "\"" + std::string(text) + "\" is not a duration: write it as 30d, 12h, 15m, 90s or 500ms");
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  std::uint64_t total = 0;
  std::string_view rest = text;
  if (rest.empty()) return not_a_duration(text);
  while (!rest.empty()) {
    std::uint64_t count = 0;
    if (!take_number(rest, count)) return not_a_duration(text);
    const auto name = take_letters(rest);
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      if (unit.name == name) found = &unit;
    }
    if (found == nullptr || count > kMaxMilliseconds / found->milliseconds) {
      return not_a_duration(text);
    }
    total += count * found->milliseconds;
    if (total > kMaxMilliseconds) return not_a_duration(text);
  }
  return std::chrono::milliseconds(total);
}

std::string format_duration(std::chrono::milliseconds span) {
  auto rest = static_cast<std::uint64_t>(span.count());
  std::string text;
  for (const Unit& unit : kUnits) {
    if (rest >= unit.milliseconds)
      text += std::to_string(rest / unit.milliseconds) + std::string(unit.name);
    rest %= unit.milliseconds;
  }
  return text.empty() ? "0" : text;
}

}  // namespace keyhold
