#include "cloud/secret_header.h"

#include <string>

#include <string.h>

namespace keyhold::cloud {

void add_secret_header(net::HttpRequest& request, std::string_view name, std::string_view prefix,
                       std::string_view secret) {
  std::string value;
  value.reserve(prefix.size() + secret.size());  // it never moves, so that one place is wiped
  value += prefix;
  value += secret;
  request.headers.push_back({.name = std::string(name), .value = std::move(value)});
}

void wipe_headers(net::HttpRequest& request) {
  for (net::HttpHeader& header : request.headers) {
    ::explicit_bzero(header.value.data(), header.value.size());
  }
}

}  // namespace keyhold::cloud
