#include "cloud/vault/policy.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <tuple>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace keyhold::cloud::vault {
namespace {

using nlohmann::json;

Status check_capability(const std::string& path, const std::string& capability) {
  constexpr std::array<std::string_view, 8> kKnown = {"create", "read",  "update", "delete",
                                                      "list",   "patch", "sudo",   "deny"};
  if (std::ranges::find(kKnown, capability) != kKnown.end()) return {};
  return fail(Code::invalid_argument, "path \"" + path + "\": path \"" + path +
                                          "\": invalid capability \"" + capability + "\"");
}

Result<Rules> from_object(const json& document) {
  const auto paths = document.find("path");
  if (document.size() != (paths == document.end() ? 0 : 1)) {
    return fail(Code::invalid_argument, "a policy has \"path\" alone");
  }
  Rules rules;
  if (paths == document.end()) return rules;
  for (const auto& [path, rule] : paths->items()) {
    if (!rule.is_object() || rule.size() != 1 || !rule.contains("capabilities")) {
      return fail(Code::invalid_argument, "path \"" + path + "\": capabilities alone are served");
    }
    for (const auto& capability : rule["capabilities"]) {
      if (!capability.is_string()) return fail(Code::invalid_argument, "a capability is a text");
      KEYHOLD_TRY(check_capability(path, capability.get<std::string>()));
      rules[path].insert(capability.get<std::string>());
    }
  }
  return rules;
}

// Words, texts in quotes and signs.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() {
    skip();
    return at_ == text_.size();
  }
  bool take(std::string_view sign) {
    skip();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  Result<std::string> text() {
    if (!take("\"")) return unexpected_here();
    const std::size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) return unexpected_here();
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  [[nodiscard]] tl::unexpected<Error> unexpected_here() const {
    return fail(Code::invalid_argument, "at byte " + std::to_string(at_) + ": not expected here");
  }

 private:
  void skip() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Status read_capabilities(Scanner& scanner, const std::string& path, Rules& rules) {
  if (!scanner.take("capabilities") || !scanner.take("=") || !scanner.take("[")) {
    return scanner.unexpected_here();
  }
  rules[path];
  while (!scanner.take("]")) {
    KEYHOLD_TRY_ASSIGN(const std::string capability, scanner.text());
    KEYHOLD_TRY(check_capability(path, capability));
    rules[path].insert(capability);
    if (scanner.take(",")) continue;
    if (!scanner.take("]")) return scanner.unexpected_here();
    return {};
  }
  return {};
}

Result<Rules> from_hcl(std::string_view text) {
  Scanner scanner(text);
  Rules rules;
  while (!scanner.at_end()) {
    if (!scanner.take("path")) return scanner.unexpected_here();
    KEYHOLD_TRY_ASSIGN(const std::string path, scanner.text());
    if (!scanner.take("{")) return scanner.unexpected_here();
    KEYHOLD_TRY(read_capabilities(scanner, path, rules));
    if (!scanner.take("}")) return scanner.unexpected_here();
  }
  return rules;
}

bool fits(std::string_view pattern, std::string_view path) {
  const bool open = pattern.ends_with('*');
  if (open) pattern.remove_suffix(1);
  const auto wanted = split(pattern, '/');
  const auto given = split(path, '/');
  if (given.size() < wanted.size() || (!open && given.size() != wanted.size())) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "+") continue;
    const bool last = open && i + 1 == wanted.size();
    if (last ? !given[i].starts_with(wanted[i]) : given[i] != wanted[i]) return false;
  }
  return true;
}

// The greater decides ("Policies", "priority matching").
auto rank(const std::string& pattern) {
  const std::size_t first = std::min({pattern.find('+'), pattern.find('*'), pattern.size() + 1});
  return std::tuple(first, !pattern.ends_with('*'), -std::ranges::count(pattern, '+'),
                    pattern.size(), pattern);
}

}  // namespace

Result<Rules> parse_policy(std::string_view text) {
  if (trim(text).starts_with('{')) {
    const json document = json::parse(text, nullptr, false);
    if (!document.is_object()) return fail(Code::invalid_argument, "not JSON");
    return from_object(document);
  }
  return from_hcl(text);
}

bool allows(const std::vector<Rules>& policies, std::string_view path,
            std::string_view capability) {
  Rules all;
  for (const Rules& rules : policies) {
    for (const auto& [pattern, capabilities] : rules) {
      if (fits(pattern, path)) all[pattern].insert(capabilities.begin(), capabilities.end());
    }
  }
  if (all.empty()) return false;
  // An exact path is more specific than any pattern.
  const auto exact = all.find(std::string(path));
  const auto best =
      exact != all.end()
          ? exact
          : std::ranges::max_element(all, {}, [](const auto& item) { return rank(item.first); });
  return !best->second.contains("deny") && best->second.contains(std::string(capability));
}

}  // namespace keyhold::cloud::vault
