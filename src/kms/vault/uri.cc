#include "kms/vault/uri.h"

#include <algorithm>
#include <array>

#include "net/http_client.h"

namespace keyhold::kms::vault {
namespace {

constexpr std::size_t kMaxUriBytes = 2048;
constexpr std::string_view kApi = "/v1/";
constexpr std::string_view kKeys = "/keys/";
constexpr std::string_view kNamespace = "namespace=";
constexpr std::array<std::string_view, 3> kLoopback = {"127.0.0.1", "localhost", "[::1]"};

tl::unexpected<Error> refused(std::string_view uri, const std::string& why) {
  return fail(Code::invalid_argument,
              "not the URI of a Vault key: \"" + std::string(uri) + "\": " + why +
                  "; one looks like https://vault.example.com:8200/v1/transit/keys/orders, with "
                  "?namespace=NAME where the key is in a namespace");
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, is_name_character);
}

}  // namespace

bool is_mount_path(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    if (!is_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

keyhold::Result<std::string> parse_origin(std::string_view url) {
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto origin = net::parse_http_url(std::string(url));
  if (!origin) return refused(url, origin.error().message());
  const std::size_t host = url.find("://") + 3;
  if (url.find_first_of("/?#", host) != std::string_view::npos) {
    return refused(url, "only scheme, host and port make an endpoint");
  }
  if (origin->scheme == "http" && std::ranges::find(kLoopback, origin->host) == kLoopback.end()) {
    return refused(url, "a token is sent over https only");
  }
  return std::string(url);
}

keyhold::Result<KeyLocation> parse_uri(std::string_view uri) {
  if (uri.size() > kMaxUriBytes) return refused(uri.substr(0, 64), "too long");
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return refused(uri, "no scheme");
  const std::size_t path_start = uri.find('/', scheme + 3);
  if (path_start == std::string_view::npos) return refused(uri, "no path");
  KEYHOLD_TRY_ASSIGN(std::string origin, parse_origin(uri.substr(0, path_start)));
  std::string_view path = uri.substr(path_start);
  std::string_view parameter;
  if (const std::size_t mark = path.find('?'); mark != std::string_view::npos) {
    parameter = path.substr(mark + 1);
    path = path.substr(0, mark);
    if (!parameter.starts_with(kNamespace) || !is_mount_path(parameter.substr(kNamespace.size()))) {
      return refused(uri, "the only parameter is namespace");
    }
    parameter.remove_prefix(kNamespace.size());
  }
  const std::size_t keys = path.rfind(kKeys);
  if (!path.starts_with(kApi) || keys == std::string_view::npos || keys < kApi.size()) {
    return refused(uri, "no /v1/MOUNT/keys/NAME in it");
  }
  KeyLocation location{.origin = std::move(origin),
                       .mount = std::string(path.substr(kApi.size(), keys - kApi.size())),
                       .name = std::string(path.substr(keys + kKeys.size())),
                       .vault_namespace = std::string(parameter)};
  if (!is_mount_path(location.mount)) return refused(uri, "not the path of a mount");
  if (!is_name(location.name)) return refused(uri, "not the name of a key");
  return location;
}

}  // namespace keyhold::kms::vault
