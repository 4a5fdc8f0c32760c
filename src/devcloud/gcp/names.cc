#include "devcloud/gcp/names.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "base/timestamp.h"

namespace keyhold::devcloud::gcp {

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

std::optional<Name> parse_name(std::string_view text) {
  constexpr std::array<std::string_view, 5> kWords = {"projects", "locations", "keyRings",
                                                      "cryptoKeys", "cryptoKeyVersions"};
  const auto parts = split(text, '/');
  if (parts.size() < 5 || parts.size() > 10) return std::nullopt;
  Name name;
  name.full = text;
  std::string so_far;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i % 2 == 0 && parts[i] != kWords[i / 2]) return std::nullopt;
    if (i % 2 == 1 && parts[i].empty()) return std::nullopt;
    so_far += (i == 0 ? "" : "/") + parts[i];
    if (i == 5) name.ring = so_far;
    if (i == 7) name.key = so_far;
    if (i == 9) name.number = parts[i];
  }
  name.level = static_cast<Level>(parts.size() - 5);
  const bool collection = parts.size() % 2 == 1;
  name.parent = collection ? name.full.substr(0, name.full.rfind('/')) : name.full;
  return name;
}

std::string account_in(std::string_view name) {
  constexpr std::string_view kStart = "projects/-/serviceAccounts/";
  return std::string(name.starts_with(kStart) ? name.substr(kStart.size()) : std::string_view());
}

std::string date_of(std::int64_t ms) {
  return format_timestamp(WallTime(std::chrono::milliseconds(ms)));
}

}  // namespace keyhold::devcloud::gcp
