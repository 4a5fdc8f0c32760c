// HTTP requests and their answers (HTTP/1.1, RFC 9110, RFC 9112). The only code that knows libcurl.
//
// http and https, nothing else; no redirect is followed, no proxy is used, no cookie kept, and the
// environment is not looked at. TLS: version 1.2 or later, the peer's certificate and name are
// checked, always. What a request or an answer leaves in libcurl's and OpenSSL's buffers is wiped
// before send() returns, unless another part of the process has set libcurl up before.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/wiped_string.h"

namespace keyhold::net {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";  // GET, POST, PUT, PATCH, DELETE
  std::string url;
  std::vector<HttpHeader> headers;
  WipedString body;
};

struct HttpResponse {
  int status = 0;                   // 100 to 599; any of them is an answer, not an error
  std::vector<HttpHeader> headers;  // names in lower case
  WipedString body;
};

struct HttpOptions {
  std::string ca_file;           // PEM; empty: the machine's
  std::string client_cert_file;  // PEM, the client's own certificate; empty: none
  std::string client_key_file;   // PEM, its private key
  std::chrono::milliseconds connect_timeout{5'000};
  std::size_t max_response_bytes = 1U << 20U;  // of the body; the headers have 64 KiB
  std::function<bool()>
      cancelled;  // asked now and then, at least once a second; true ends the call
};

// The scheme and the host of a URL that a request takes, in lower case.
struct HttpOrigin {
  std::string scheme;
  std::string host;
};
// Code::invalid_argument where it would not take it: another scheme, a user or password in it,
// control characters, no host.
Result<HttpOrigin> parse_http_url(const std::string& url);

// Keeps its connections between requests, up to eight at rest, each for two minutes at most.
// Thread-safe; simultaneous requests have connections of their own.
class HttpClient {
 public:
  // `clock` outlives the client.
  HttpClient(const Clock& clock, HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Code::invalid_argument: URL, method or a header (a line feed in it) cannot be sent.
  // Code::unavailable: no whole answer by the deadline (no name, no connection, no TLS, too slow),
  // or it was cancelled. Code::integrity: the answer is larger than the bound. No message holds a
  // header's value or a body.
  Result<HttpResponse> send(const HttpRequest& request, Deadline deadline);

  // Connections opened so far; a request over one that was kept opens none.
  [[nodiscard]] std::uint64_t connections_opened() const;

 private:
  class Connections;
  const Clock* clock_;
  HttpOptions options_;
  std::unique_ptr<Connections> connections_;
};

// The process's one client for these options, so that those who make a KMS client anew find warm
// connections. REQUIRES: no `cancelled`; `clock` lives as long as the process.
std::shared_ptr<HttpClient> shared_http_client(const Clock& clock, const HttpOptions& options);

}  // namespace keyhold::net
