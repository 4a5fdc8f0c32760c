// An HTTPS server on loopback that passes each request on to another as it came, its Host included,
// and keeps count: what a KMS client sends, seen from the server's side.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "io/file_system.h"
#include "kms/local/scratch_directory.h"
#include "net/certificates.h"
#include "net/http_server.h"

namespace keyhold {

// A CA of its own in ca_file(), and an HTTPS server by it on a free port.
class TestHttps {
 public:
  explicit TestHttps(net::HttpHandler handler) {
    const WallTime now = system_clock().wall_now();
    const auto authority = net::make_authority("Keyhold test", now, std::chrono::days(1));
    const std::array<std::string, 1> names = {"127.0.0.1"};
    const auto own = net::make_server_certificate(*authority, names, now, std::chrono::days(1));
    net::HttpServerOptions options;
    options.certificate_file = write("server.pem", own->certificate_pem);
    options.key_file = write("server.key", own->key_pem);
    static_cast<void>(write("ca.pem", authority->certificate_pem));
    auto started = net::HttpServer::start(options, std::move(handler));
    EXPECT_TRUE(started) << started.error().message();
    server_ = *std::move(started);
  }
  [[nodiscard]] std::string origin() const { return server_->origin(); }
  [[nodiscard]] std::string ca_file() const { return directory_ / "ca.pem"; }

 private:
  [[nodiscard]] std::string write(const std::string& name, std::string_view content) const {
    std::string path = directory_ / name;
    EXPECT_TRUE(io::replace_file(io::posix_file_system(), path, as_bytes(content), 0600));
    return path;
  }

  kms::local::ScratchDirectory directory_;
  std::unique_ptr<net::HttpServer> server_;
};

class Gateway {
 public:
  struct Exchange {
    net::HttpRequest request;  // to its URL at the server
    net::HttpResponse response;
  };

  Gateway(std::string server, const std::string& server_ca)
      : server_(std::move(server)), client_(system_clock(), trusting(server_ca)) {}

  [[nodiscard]] std::string origin() const { return https_.origin(); }
  [[nodiscard]] std::string ca_file() const { return https_.ca_file(); }
  // What has passed since the last call.
  std::vector<Exchange> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(exchanges_, {});
  }

 private:
  static net::HttpOptions trusting(const std::string& ca_file) {
    net::HttpOptions options;
    options.ca_file = ca_file;
    return options;
  }
  // What belongs to the connection, and is set anew on the other one.
  static std::vector<net::HttpHeader> passed_on(std::vector<net::HttpHeader> headers) {
    constexpr std::array<std::string_view, 5> kOfConnection = {
        "connection", "content-length", "date", "expect", "transfer-encoding"};
    std::erase_if(headers, [&](const net::HttpHeader& header) {
      return std::ranges::find(kOfConnection, header.name) != kOfConnection.end();
    });
    return headers;
  }
  net::HttpAnswer pass_on(const net::HttpCall& call) {
    net::HttpRequest request{.method = call.method,
                             .url = server_ + call.target,
                             .headers = passed_on(call.headers),
                             .body = WipedString(call.body)};
    const auto response =
        client_.send(request, Deadline::after(system_clock(), std::chrono::seconds(20)));
    net::HttpAnswer answer;
    if (!response) {
      answer.cut = net::HttpAnswer::Cut::before;
      return answer;
    }
    answer.status = response->status;
    answer.headers = passed_on(response->headers);
    answer.body = std::string(response->body);
    const std::lock_guard lock(mutex_);
    exchanges_.push_back({std::move(request), *response});
    return answer;
  }

  const std::string server_;
  net::HttpClient client_;
  std::mutex mutex_;
  std::vector<Exchange> exchanges_;
  TestHttps https_{[this](const net::HttpCall& call) { return pass_on(call); }};
};

}  // namespace keyhold
