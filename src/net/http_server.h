// A small HTTP/1.1 server, plain or TLS (RFC 9110, RFC 9112). The only code that knows Boost.Beast
// and Boost.Asio.
//
// One thread moves the bytes of all connections; the handler runs on a few threads of its own and
// may block. Connections are kept alive. Everything a peer sends is bounded in size and in time: a
// head or a body above its bound is answered with 431 or 413, what is no HTTP with 400, and the
// connection is closed; a peer that is too slow is cut off. TLS is 1.2 or later.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/http_client.h"

namespace keyhold::net {

// One request, whole.
struct HttpCall {
  std::string method;               // as sent, any token: "GET", "LIST"
  std::string target;               // as sent: path and query, percent-encoded
  std::string path;                 // the target up to the first '?'
  std::string query;                // what is behind it; may be empty
  std::vector<HttpHeader> headers;  // names in lower case, in the order sent
  std::string body;
  std::string peer;  // the address of the other side, without its port
  bool tls = false;
  std::string client_certificate;  // DER of the verified certificate; empty: none was shown

  // The value of the first header of that name (in lower case); null where there is none.
  [[nodiscard]] const std::string* header(std::string_view name) const;
};

struct HttpAnswer {
  // How the connection ends before its time: a fault on purpose.
  enum class Cut : std::uint8_t {
    no,
    before,  // no byte of the answer is sent
    within,  // the head and the first half of the body are
  };

  int status = 200;
  std::vector<HttpHeader> headers;  // Content-Length, Connection and Date are the server's own
  std::string body;
  std::chrono::milliseconds delay{0};  // waited before the first byte; no thread is held meanwhile
  Cut cut = Cut::no;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: one that is free
  // PEM files; both empty: plain HTTP.
  std::string certificate_file;
  std::string key_file;
  // PEM: a client may show a certificate of these authorities, and none of others. Empty: none is
  // asked for.
  std::string client_ca_file;
  std::uint32_t max_header_bytes = 32U << 10U;
  std::uint64_t max_body_bytes = 1U << 20U;
  std::size_t max_connections = 512;  // one above is closed as soon as it is accepted
  std::size_t handler_threads = 4;
  std::chrono::milliseconds idle_timeout{60'000};     // between two requests
  std::chrono::milliseconds request_timeout{10'000};  // TLS handshake; a whole request; its answer
};

// Called on several threads at once. What it throws is answered with 500.
using HttpHandler = std::function<HttpAnswer(const HttpCall&)>;

// Thread-safe.
class HttpServer {
 public:
  // Listens when it returns. Code::busy where the address is in use, Code::invalid_argument where
  // it is none or a PEM file does not hold what it should, Code::permission where the port may not
  // be used.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options,
                                                   HttpHandler handler);
  // Stops listening, closes idle connections, lets the answers under way go out (a second at most),
  // waits for the handlers that run, and closes the rest.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // "https://127.0.0.1:8443".
  [[nodiscard]] std::string origin() const;

 private:
  class Engine;
  explicit HttpServer(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace keyhold::net
