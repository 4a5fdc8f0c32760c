#include "net/http_server.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/certificates.h"
#include "net/http_client.h"

namespace keyhold::net {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::chrono::seconds kSoon{10};

Deadline soon() {
  return Deadline::after(system_clock(), kSoon);
}

HttpAnswer echo(const HttpCall& call) {
  HttpAnswer answer;
  answer.headers = {{"Content-Type", "text/plain"}, {"X-Peer", call.peer}};
  answer.body = call.method + " " + call.path + " ? " + call.query + " : " + call.body;
  return answer;
}

std::unique_ptr<HttpServer> plain_server(HttpHandler handler = echo,
                                         HttpServerOptions options = {}) {
  return HttpServer::start(options, std::move(handler)).value();
}

// A connection that says what it wants, byte for byte.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = ::htons(port);
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = kSoon.count(), .tv_usec = 0};
    EXPECT_EQ(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void send(const std::string& text) const {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // What comes first.
  [[nodiscard]] std::string some() const {
    char buffer[4096];
    const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
    return size <= 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
  }
  // All there is until the peer closes.
  [[nodiscard]] std::string rest() const {
    std::string text;
    char buffer[4096];
    for (;;) {
      const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
      if (size <= 0) return size == 0 ? text : text + " (no end)";
      text.append(buffer, static_cast<std::size_t>(size));
    }
  }

 private:
  int socket_;
};

std::string talk(std::uint16_t port, const std::string& request) {
  const RawConnection connection(port);
  connection.send(request);
  return connection.rest();
}

// A certificate for loopback in files of its own.
class TlsFiles {
 public:
  TlsFiles() {
    std::string path = std::filesystem::temp_directory_path() / "keyhold-tls-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
    path_ = path;
    const auto now = system_clock().wall_now();
    const auto authority = make_authority("test", now, std::chrono::days(1)).value();
    const std::vector<std::string> names = {"127.0.0.1"};
    const auto server =
        make_server_certificate(authority, names, now, std::chrono::days(1)).value();
    write("ca.pem", authority.certificate_pem);
    write("server.pem", server.certificate_pem);
    write("server.key", server.key_pem);
  }
  ~TlsFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] HttpServerOptions options() const {
    HttpServerOptions options;
    options.certificate_file = *this / "server.pem";
    options.key_file = *this / "server.key";
    return options;
  }

 private:
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ + "/" + name) << text;
  }
  std::string path_;
};

TEST(HttpServer, RequestArrivesWholeAndItsAnswerGoesBack) {
  const auto server = plain_server();
  HttpClient client(system_clock(), {});
  HttpRequest request;
  request.method = "POST";
  request.url = server->origin() + "/a%20b/c?x=1&y=2";
  request.body = "content";
  const auto response = client.send(request, soon()).value();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /a%20b/c ? x=1&y=2 : content");
  EXPECT_THAT(response.headers, testing::Contains(testing::Field(&HttpHeader::value, "127.0.0.1")));
}

TEST(HttpServer, ConnectionIsKeptForTheNextRequest) {
  const auto server = plain_server();
  HttpClient client(system_clock(), {});
  HttpRequest request;
  request.url = server->origin() + "/";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.send(request, soon()).value().status, 200);
  EXPECT_EQ(client.connections_opened(), 1U);
}

TEST(HttpServer, TlsShowsTheCertificateOfItsFiles) {
  const TlsFiles files;
  const auto server = plain_server(
      [](const HttpCall& call) {
        HttpAnswer answer;
        answer.body = call.tls ? "tls" : "plain";
        return answer;
      },
      files.options());
  EXPECT_THAT(server->origin(), StartsWith("https://127.0.0.1:"));
  HttpOptions trusting;
  trusting.ca_file = files / "ca.pem";
  HttpRequest request;
  request.url = server->origin() + "/";
  EXPECT_EQ(HttpClient(system_clock(), trusting).send(request, soon()).value().body, "tls");
  EXPECT_EQ(HttpClient(system_clock(), {}).send(request, soon()).error().code(), Code::unavailable);
}

TEST(HttpServer, AnyTokenIsAMethod) {
  const auto server = plain_server();
  EXPECT_THAT(talk(server->port(), "LIST /v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              HasSubstr("LIST /v1/x ?  : "));
}

TEST(HttpServer, HeadHasNoBody) {
  const auto server = plain_server();
  const std::string answer =
      talk(server->port(), "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInTheirOrder) {
  const auto server = plain_server();
  const std::string answers = talk(server->port(),
                                   "GET /first HTTP/1.1\r\nHost: h\r\n\r\n"
                                   "GET /second HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_THAT(answers, HasSubstr("/first"));
  EXPECT_GT(answers.find("/second"), answers.find("/first"));
  EXPECT_NE(answers.find("/second"), std::string::npos);
}

TEST(HttpServer, ContinueIsSaidToWhoeverWaitsForIt) {
  const auto server = plain_server();
  const RawConnection connection(server->port());
  connection.send(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n");
  connection.send("ok");
  const std::string answer = connection.rest();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 100 "));
  EXPECT_THAT(answer, HasSubstr("POST / ?  : ok"));
}

TEST(HttpServer, WhatIsNoHttpIsRefused) {
  const auto server = plain_server();
  EXPECT_THAT(talk(server->port(), "NOT HTTP AT ALL\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServer, HeadAndBodyAboveTheirBoundsAreRefused) {
  HttpServerOptions options;
  options.max_header_bytes = 1024;
  options.max_body_bytes = 100;
  const auto server = plain_server(echo, options);
  EXPECT_THAT(talk(server->port(),
                   "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(4000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(talk(server->port(), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServer, RequestThatDoesNotArriveInTimeIsCutOff) {
  HttpServerOptions options;
  options.request_timeout = std::chrono::milliseconds(50);
  options.idle_timeout = std::chrono::milliseconds(50);
  const auto server = plain_server(echo, options);
  EXPECT_EQ(talk(server->port(), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n1"), "");
  EXPECT_EQ(talk(server->port(), "GET / HT"), "");
  EXPECT_EQ(RawConnection(server->port()).rest(), "");
}

TEST(HttpServer, CutsAreAsTheAnswerSays) {
  std::atomic<HttpAnswer::Cut> cut = HttpAnswer::Cut::before;
  const auto server = plain_server([&](const HttpCall&) {
    HttpAnswer answer;
    answer.body = "0123456789";
    answer.cut = cut;
    return answer;
  });
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(talk(server->port(), request), "");
  cut = HttpAnswer::Cut::within;
  const std::string half = talk(server->port(), request);
  EXPECT_THAT(half, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_TRUE(half.ends_with("\r\n\r\n01234")) << half;
}

TEST(HttpServer, DelayHoldsTheAnswerBackAndNoThread) {
  HttpServerOptions options;
  options.handler_threads = 1;
  const auto server = plain_server(
      [](const HttpCall& call) {
        HttpAnswer answer;
        if (call.path == "/late") answer.delay = std::chrono::milliseconds(200);
        return answer;
      },
      options);
  const BootTime start = system_clock().boot_now();
  const RawConnection late(server->port());
  late.send("GET /late HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(talk(server->port(), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(late.rest(), StartsWith("HTTP/1.1 200 "));
  EXPECT_GE(system_clock().boot_now() - start, std::chrono::milliseconds(200));
}

TEST(HttpServer, HandlerThatThrowsOrAnswersBadlyIsA500) {
  log::set_sink([](log::Level, std::string_view) {});
  const auto server = plain_server([](const HttpCall& call) -> HttpAnswer {
    if (call.path == "/throw") throw std::runtime_error("on purpose");
    HttpAnswer answer;
    answer.headers = {{"X-Split", "a\r\nSet-Cookie: b"}};
    return answer;
  });
  for (const std::string path : {"/throw", "/split"}) {
    const std::string answer =
        talk(server->port(), "GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 ")) << path;
    EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
  }
  log::set_sink({});
}

TEST(HttpServer, ConnectionAboveTheBoundIsClosed) {
  HttpServerOptions options;
  options.max_connections = 1;
  const auto server = plain_server(echo, options);
  const RawConnection first(server->port());
  first.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");  // and stays open
  EXPECT_THAT(first.some(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(RawConnection(server->port()).rest(), "");
}

TEST(HttpServer, PortInUseAndBadFilesAreToldApart) {
  const auto server = plain_server();
  HttpServerOptions options;
  options.port = server->port();
  EXPECT_EQ(HttpServer::start(options, echo).error().code(), Code::busy);
  options = {};
  options.address = "not an address";
  EXPECT_EQ(HttpServer::start(options, echo).error().code(), Code::invalid_argument);
  options = {};
  options.certificate_file = options.key_file = "/nonexistent";
  EXPECT_EQ(HttpServer::start(options, echo).error().code(), Code::invalid_argument);
}

TEST(HttpServer, StopWaitsForTheAnswerUnderWay) {
  std::promise<void> entered;
  std::promise<void> leave;
  auto server = plain_server([&](const HttpCall&) {
    entered.set_value();
    leave.get_future().wait();
    HttpAnswer answer;
    answer.body = "finished";
    return answer;
  });
  const RawConnection idle(server->port());
  const RawConnection busy(server->port());
  busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server.reset(); });
  EXPECT_EQ(idle.rest(), "");
  leave.set_value();
  EXPECT_THAT(busy.rest(), HasSubstr("finished"));
  stopped.wait();
}

}  // namespace
}  // namespace keyhold::net
