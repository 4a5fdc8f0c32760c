#include "base/json_member.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace keyhold {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// The place of the last quote of the string whose first stands at `open`.
std::optional<std::size_t> closing_quote(std::string_view json, std::size_t open) {
  for (std::size_t at = open + 1; at < json.size(); ++at) {
    if (json[at] == '"') return at;
    if (json[at] == '\\') ++at;
  }
  return std::nullopt;
}

// What stands between the quotes of a string that follows `at` and a colon.
std::optional<TextSpan> value_after(std::string_view json, std::size_t at) {
  const std::size_t colon = json.find_first_not_of(kSpace, at);
  if (colon == std::string_view::npos || json[colon] != ':') return std::nullopt;
  const std::size_t open = json.find_first_not_of(kSpace, colon + 1);
  if (open == std::string_view::npos || json[open] != '"') return std::nullopt;
  const auto close = closing_quote(json, open);
  if (!close) return std::nullopt;
  return TextSpan{.begin = open + 1, .size = *close - open - 1};
}

bool is_value(std::string_view json, std::size_t at) {
  const std::size_t next = json.find_first_not_of(kSpace, at);
  return next == std::string_view::npos || json[next] != ':';
}

// The character of a \uXXXX, of ASCII only.
std::optional<char> from_hex4(std::string_view digits) {
  unsigned value = 0;
  if (digits.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, value, 16);
  if (error != std::errc() || end != digits.data() + 4 || value > 0x7f) return std::nullopt;
  return static_cast<char>(value);
}

bool unescape(std::string_view text, WipedString& out) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  out.reserve(text.size());  // at once: a string that grows leaves its first letters in itself
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    if (++at == text.size()) return false;
    if (text[at] == 'u') {
      const auto character = from_hex4(text.substr(at + 1));
      if (!character) return false;
      out += *character;
      at += 4;
      continue;
    }
    const std::size_t which = kEscapes.find(text[at]);
    if (which == std::string_view::npos) return false;
    out += kMeanings[which];
  }
  return true;
}

}  // namespace

// From string to string, so that a name inside another string does not count.
std::optional<TextSpan> find_json_string(std::string_view json, std::string_view name) {
  std::optional<TextSpan> found;
  for (std::size_t at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    const auto close = closing_quote(json, at);
    if (!close) return std::nullopt;
    const std::string_view text = json.substr(at + 1, *close - at - 1);
    at = *close + 1;
    if (text != name || is_value(json, at)) continue;
    const auto value = value_after(json, at);
    if (!value || found) return std::nullopt;
    found = value;
    at = value->begin + value->size + 1;
  }
  return found;
}

Result<WipedString> take_json_string(WipedString& json, std::string_view name) {
  const auto span = find_json_string(json, name);
  WipedString value;
  const bool good = span && unescape(std::string_view(json).substr(span->begin, span->size), value);
  if (span) json.replace(span->begin, span->size, span->size, 'A');
  if (good) return value;
  return fail(Code::invalid_argument, "not a JSON text with one string " + std::string(name));
}

}  // namespace keyhold
