// A strict HTTP/1.1 server on loopback, for tests: takes one request a connection, answers with the
// bytes that the test says, and complains of a request that RFC 9112 does not allow.
#pragma once

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace keyhold::net {

class TestServer {
 public:
  struct Received {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };
  // The bytes of the answer; empty: the connection is closed without one.
  using Answer = std::function<std::string(const Received&)>;

  static std::string reply(int status, const std::string& body = "",
                           const std::string& more_headers = "") {
    return "HTTP/1.1 " + std::to_string(status) +
           " Whatever\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n" + more_headers + "\r\n" + body;
  }
  static Answer always(int status) {
    return [status](const Received&) { return reply(status); };
  }

  explicit TestServer(Answer answer = always(200)) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, generic, sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
    port_ = ::ntohs(address.sin_port);
    EXPECT_EQ(::pipe(stop_), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestServer() {
    EXPECT_EQ(::write(stop_[1], "x", 1), 1);
    thread_.join();
    for (const int fd : {listener_, stop_[0], stop_[1]}) ::close(fd);
    for (const std::string& violation : violations_) ADD_FAILURE() << violation;
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::vector<Received> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }
  // Waits until there are `count`, at most ten seconds.
  [[nodiscard]] bool has_received(std::size_t count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(10),
                          [&] { return received_.size() >= count; });
  }

 private:
  void serve() {
    for (;;) {
      pollfd waiting[2] = {{listener_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0) continue;
      if (waiting[1].revents != 0) return;
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      talk(connection);
      ::close(connection);
    }
  }

  // False at the end of the connection, after two seconds, or at a stop.
  bool read_more(int connection, std::string& text) {
    pollfd waiting[2] = {{connection, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    if (::poll(waiting, 2, 2000) <= 0 || waiting[1].revents != 0) return false;
    char buffer[4096];
    const ssize_t size = ::recv(connection, buffer, sizeof(buffer), 0);
    if (size <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  void complain(const std::string& what) {
    const std::lock_guard lock(mutex_);
    violations_.push_back("the request " + what);
  }

  void talk(int connection) {
    std::string text;
    std::size_t end = std::string::npos;
    while ((end = text.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more(connection, text)) return;
    }
    Received request = parse_head(text.substr(0, end + 2));
    const std::size_t wanted = length_of(request);
    std::string body = text.substr(end + 4);
    while (body.size() < wanted && read_more(connection, body)) continue;
    if (body.size() != wanted) complain("has a body of another length than it says");
    request.body = body;
    const std::string answer = answer_(request);
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(request);
    }
    came_.notify_all();
    std::size_t sent = 0;
    while (sent < answer.size()) {
      const ssize_t size =
          ::send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return;
      sent += static_cast<std::size_t>(size);
    }
  }

  Received parse_head(const std::string& head) {
    Received request;
    const std::size_t line_end = head.find("\r\n");
    const std::string line = head.substr(0, line_end);
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (line.substr(last + 1) != "HTTP/1.1") complain("is not HTTP/1.1: " + line);
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    if (request.target.empty() || request.target[0] != '/') complain("asks for " + request.target);
    for (std::size_t at = line_end + 2; at < head.size();) {
      const std::size_t end = head.find("\r\n", at);
      take_header(head.substr(at, end - at), request);
      at = end + 2;
    }
    if (request.headers["host"] != "127.0.0.1:" + std::to_string(port_)) complain("has no Host");
    return request;
  }

  void take_header(const std::string& line, Received& request) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) return complain("has a header without a value: " + line);
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!request.headers.emplace(name, line.substr(colon + 2)).second) {
      complain("has a header twice: " + name);
    }
  }

  std::size_t length_of(const Received& request) {
    const auto found = request.headers.find("content-length");
    if (request.headers.contains("transfer-encoding")) complain("has a body without a length");
    if (found != request.headers.end()) return std::stoul(found->second);
    if (request.method == "POST") complain("has no Content-Length");
    return 0;
  }

  const Answer answer_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Received> received_;
  std::vector<std::string> violations_;
  std::thread thread_;
};

}  // namespace keyhold::net
