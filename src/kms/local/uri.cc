#include "kms/local/uri.h"

#include <algorithm>

#include "base/canonical_json.h"

namespace keyhold::kms::local {
namespace {

constexpr std::string_view kScheme = "local://";
constexpr std::size_t kMaxNameSize = 64;

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameSize && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// REQUIRES: path begins with a slash.
bool has_plain_parts(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

bool is_directory_path(std::string_view path) {
  return path.starts_with('/') && has_plain_parts(path) && is_utf8(path) &&
         std::none_of(path.begin(), path.end(), is_control);
}

}  // namespace

keyhold::Result<KeyLocation> parse_uri(std::string_view uri) {
  const auto refused = [&] {
    return fail(Code::invalid_argument, "not the URI of a LOCAL key: \"" + std::string(uri) +
                                            "\"; one looks like local:///srv/customer-kms/orders");
  };
  if (!uri.starts_with(kScheme)) return refused();
  const std::string_view path = uri.substr(kScheme.size());
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return refused();
  KeyLocation location{.directory = std::string(path.substr(0, slash)),
                       .name = std::string(path.substr(slash + 1))};
  if (!is_directory_path(location.directory) || !is_key_name(location.name)) return refused();
  return location;
}

KeyUri to_uri(const KeyLocation& location) {
  return KeyUri(std::string(kScheme) + location.directory + "/" + location.name);
}

Status check_key_name(std::string_view name) {
  if (is_key_name(name)) return {};
  return fail(Code::invalid_argument,
              "not a key name: \"" + std::string(name) +
                  "\"; a name has 1 to 64 of A-Z a-z 0-9 . _ - and does not start with a dot");
}

Status check_directory(std::string_view path) {
  if (is_directory_path(path)) return {};
  return fail(Code::invalid_argument,
              "not a KMS directory: \"" + std::string(path) +
                  "\"; it is an absolute path without \".\", \"..\", empty parts and a slash at "
                  "its end");
}

}  // namespace keyhold::kms::local
