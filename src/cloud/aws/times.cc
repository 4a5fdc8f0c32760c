#include "cloud/aws/times.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/timestamp.h"

namespace keyhold::cloud::aws {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t kSecondsEnd = 19;  // of 2026-03-01T09:30:00
constexpr std::size_t kHttpDateSize = 29;
constexpr std::size_t kAmzDateSize = 16;

std::string two_digits(std::size_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<WallTime> parse_iso_time(std::string_view text) {
  if (text.size() <= kSecondsEnd || text.back() != 'Z') return std::nullopt;
  std::string_view fraction = text.substr(kSecondsEnd, text.size() - kSecondsEnd - 1);
  if (!fraction.empty() && fraction.front() != '.') return std::nullopt;
  if (!fraction.empty()) fraction.remove_prefix(1);
  if (!std::ranges::all_of(fraction, is_digit)) return std::nullopt;
  std::string milliseconds(fraction.substr(0, 3));
  milliseconds.resize(3, '0');
  return parse_timestamp(std::string(text.substr(0, kSecondsEnd)) + "." + milliseconds + "Z");
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  if (text.size() != kHttpDateSize || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) {
    return std::nullopt;
  }
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const auto number = static_cast<std::size_t>(month - kMonths.begin()) + 1;
  return parse_timestamp(std::string(text.substr(12, 4)) + "-" + two_digits(number) + "-" +
                         std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) +
                         ".000Z");
}

std::optional<WallTime> parse_amz_date(std::string_view text) {
  if (text.size() != kAmzDateSize || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const std::string t(text);
  return parse_timestamp(t.substr(0, 4) + "-" + t.substr(4, 2) + "-" + t.substr(6, 5) + ":" +
                         t.substr(11, 2) + ":" + t.substr(13, 2) + ".000Z");
}

std::string skew_of(const net::HttpResponse& response, std::string_view message, WallTime now) {
  auto theirs = parse_http_date(header_of(response, "date"));
  const std::size_t bracket = message.rfind('(');
  if (!theirs && bracket != std::string_view::npos) {
    theirs = parse_amz_date(message.substr(bracket + 1, kAmzDateSize));
  }
  if (!theirs) return "this machine's clock is off by more than AWS allows";
  const auto off = std::chrono::duration_cast<std::chrono::seconds>(now - *theirs).count();
  return "this machine's clock is " + std::to_string(off < 0 ? -off : off) + " s " +
         (off < 0 ? "behind" : "ahead of") + " AWS's";
}

std::string_view header_of(const net::HttpResponse& response, std::string_view name) {
  const auto found = std::ranges::find(response.headers, name, &net::HttpHeader::name);
  return found == response.headers.end() ? std::string_view() : std::string_view(found->value);
}

}  // namespace keyhold::cloud::aws
