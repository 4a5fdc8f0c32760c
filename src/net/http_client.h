// One HTTP request and its answer (HTTP/1.1, RFC 9110, RFC 9112). The only code that knows libcurl.
//
// http and https, nothing else; no redirect is followed, no proxy is used, no cookie kept, and the
// environment is not looked at. TLS: version 1.2 or later, the peer's certificate and name are
// checked, always. Thread-safe; every call has a connection of its own.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace keyhold::net {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";  // GET, POST, PUT, DELETE
  std::string url;
  std::vector<HttpHeader> headers;
  std::string body;
};

struct HttpResponse {
  int status = 0;                   // 100 to 599; any of them is an answer, not an error
  std::vector<HttpHeader> headers;  // names in lower case
  std::string body;
};

struct HttpOptions {
  std::string ca_file;  // PEM; empty: the machine's
  std::chrono::milliseconds connect_timeout{5'000};
  std::size_t max_response_bytes = 1U << 20U;  // of the body; the headers have 64 KiB
  std::function<bool()>
      cancelled;  // asked now and then, at least once a second; true ends the call
};

// The scheme and the host of a URL that http_request() takes, in lower case.
struct HttpOrigin {
  std::string scheme;
  std::string host;
};
// Code::invalid_argument where it would not take it: another scheme, a user or password in it,
// control characters, no host.
Result<HttpOrigin> parse_http_url(const std::string& url);

// Code::invalid_argument: URL, method or a header (a line feed in it) cannot be sent.
// Code::unavailable: no whole answer by the deadline (no name, no connection, no TLS, too slow), or
// it was cancelled. Code::integrity: the answer is larger than the bound. No message holds a
// header's value or a body.
Result<HttpResponse> http_request(const Clock& clock, const HttpRequest& request,
                                  const HttpOptions& options, Deadline deadline);

}  // namespace keyhold::net
