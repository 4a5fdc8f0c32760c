#include "base/canonical_json.h"

#include <cstddef>
#include <cstdint>

namespace keyhold {
namespace {

// RFC 3629 section 4: how many bytes follow a lead byte, and the range of the first of them (the
// later ones are always 80 to BF).
struct Lead {
  std::size_t followers;
  std::uint8_t first_low;
  std::uint8_t first_high;
};

constexpr Lead kNoLead{.followers = 0, .first_low = 0, .first_high = 0};

Lead lead_of(std::uint8_t byte) {
  if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};
  if (byte == 0xed) return {2, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {2, 0x80, 0xbf};
  if (byte == 0xf0) return {3, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {3, 0x80, 0xbf};
  if (byte == 0xf4) return {3, 0x80, 0x8f};
  return kNoLead;
}

bool in_range(char c, std::uint8_t low, std::uint8_t high) {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte >= low && byte <= high;
}

// The size in bytes of the character at the front, or 0.
std::size_t character_size(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text.front());
  if (first < 0x80) return 1;
  const Lead lead = lead_of(first);
  if (lead.followers == 0 || text.size() <= lead.followers) return 0;
  if (!in_range(text[1], lead.first_low, lead.first_high)) return 0;
  for (std::size_t i = 2; i <= lead.followers; ++i) {
    if (!in_range(text[i], 0x80, 0xbf)) return 0;
  }
  return lead.followers + 1;
}

void append_control(std::string& out, std::uint8_t byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 0xfU];
}

void append_character(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      break;
  }
  const auto byte = static_cast<std::uint8_t>(c);
  if (byte < 0x20) {
    append_control(out, byte);
  } else {
    out += c;
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string make_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    out += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) append_character(out, c);
  out += '"';
}

std::string canonical_json(const std::map<std::string, std::string>& pairs) {
  std::string out = "{";
  for (const auto& [name, value] : pairs) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
  return out;
}

}  // namespace keyhold
