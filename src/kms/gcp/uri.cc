#include "kms/gcp/uri.h"

#include <algorithm>
#include <array>

namespace keyhold::kms::gcp {
namespace {

constexpr std::size_t kMaxUriBytes = 512;
constexpr std::array<std::string_view, 4> kCollections = {"projects", "locations", "keyRings",
                                                          "cryptoKeys"};
constexpr std::string_view kVersions = "/cryptoKeyVersions/";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A project may be "example.com:name".
bool is_id(std::string_view text, bool project) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
    return word || (project && (c == '.' || c == ':'));
  });
}

bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= 9 && text.front() != '0' &&
         std::ranges::all_of(text, is_digit);
}

std::string_view take_part(std::string_view& path) {
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(path.size(), part.size() + 1));
  return part;
}

bool is_key_path(std::string_view path) {
  for (const std::string_view collection : kCollections) {
    if (take_part(path) != collection) return false;
    if (!is_id(take_part(path), collection == "projects")) return false;
  }
  return path.empty();
}

}  // namespace

keyhold::Result<KeyName> parse_uri(std::string_view uri) {
  KeyName name;
  std::string_view key = uri;
  if (const std::size_t at = uri.find(kVersions); at != std::string_view::npos) {
    key = uri.substr(0, at);
    name.version = uri.substr(at + kVersions.size());
  }
  name.key = key;
  const bool good = uri.size() <= kMaxUriBytes && !key.ends_with('/') && is_key_path(key) &&
                    (key.size() == uri.size() || is_version(name.version));
  if (good) return name;
  return fail(Code::invalid_argument,
              "not the name of a Google Cloud KMS key: \"" +
                  std::string(uri.substr(0, kMaxUriBytes)) +
                  "\"; one looks like projects/customer/locations/europe-west1/keyRings/keyhold/"
                  "cryptoKeys/orders, with /cryptoKeyVersions/N where only one version may wrap");
}

std::optional<std::string> version_of(const KeyName& key, std::string_view version_name) {
  const std::string prefix = key.key + std::string(kVersions);
  if (!version_name.starts_with(prefix)) return std::nullopt;
  const std::string_view version = version_name.substr(prefix.size());
  if (!is_version(version)) return std::nullopt;
  return std::string(version);
}

}  // namespace keyhold::kms::gcp
