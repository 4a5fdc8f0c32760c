#include "cloud/aws/profile.h"

#include <utility>

namespace keyhold::cloud::aws {
namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::string_view kProfileWord = "profile";

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kBlank);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlank) - start + 1);
}

// '#' and ';' begin a comment behind white space; at the start of a line, anywhere.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '#' && line[at] != ';') continue;
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') return line.substr(0, at);
  }
  return line;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The profile that a section's title names; nothing for sections of another kind.
std::optional<std::string> profile_of(std::string_view title, ProfileFile kind) {
  if (kind == ProfileFile::credentials || title == "default") return std::string(title);
  if (!title.starts_with(kProfileWord)) return std::nullopt;
  const std::string_view rest = title.substr(kProfileWord.size());
  if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) return std::nullopt;
  return std::string(trim(rest));
}

class Parser {
 public:
  explicit Parser(ProfileFile kind) : kind_(kind) {}

  Status take(std::string_view line) {
    ++number_;
    const bool indented = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    const std::string_view text = trim(without_comment(line));
    if (text.empty()) return {};
    if (text.front() == '[') return take_title(text);
    if (!begun_) return refused("a setting before the first [section]");
    // Belongs to the setting above.
    if (indented) return has_setting_ ? Status() : refused("a continuation of nothing");
    return take_setting(text);
  }

  Profiles take_profiles() { return std::move(profiles_); }

 private:
  Status take_title(std::string_view text) {
    if (text.back() != ']') return refused("a section's title without its ']'");
    const std::string_view title = trim(text.substr(1, text.size() - 2));
    if (title.empty()) return refused("a section without a name");
    begun_ = true;
    has_setting_ = false;
    const auto name = profile_of(title, kind_);
    current_ = name ? &profiles_[*name] : nullptr;
    return {};
  }

  Status take_setting(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = trim(text.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) return refused("no NAME = VALUE");
    has_setting_ = true;
    if (current_ == nullptr) return {};
    (*current_)[lower(name)] = WipedString(trim(text.substr(equals + 1)));
    return {};
  }

  [[nodiscard]] Status refused(const std::string& why) const {
    return fail(Code::invalid_argument, "line " + std::to_string(number_) + ": " + why);
  }

  const ProfileFile kind_;
  std::size_t number_ = 0;
  bool begun_ = false;
  bool has_setting_ = false;
  Profiles profiles_;
  Profile* current_ = nullptr;
};

}  // namespace

Result<Profiles> parse_profiles(std::string_view text, ProfileFile kind) {
  Parser parser(kind);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    KEYHOLD_TRY(parser.take(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parser.take_profiles();
}

Profiles merge_profiles(Profiles config, const Profiles& credentials) {
  for (const auto& [name, settings] : credentials) {
    Profile& known = config[name];
    for (const auto& [setting_name, value] : settings) known[setting_name] = value;
  }
  return config;
}

std::string_view setting(const Profile& profile, std::string_view name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace keyhold::cloud::aws
