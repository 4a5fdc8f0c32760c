// A token in a request's header, without a copy that stays behind. Thread-safe.
#pragma once

#include <string_view>

#include "net/http_client.h"

namespace keyhold::cloud {

// name: PREFIXSECRET
void add_secret_header(net::HttpRequest& request, std::string_view name, std::string_view prefix,
                       std::string_view secret);

// Overwrites the values of all headers: the request has been sent.
void wipe_headers(net::HttpRequest& request);

}  // namespace keyhold::cloud
