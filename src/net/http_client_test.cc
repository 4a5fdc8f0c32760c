#include "net/http_client.h"

#include <atomic>
#include <cstdlib>

#include <gtest/gtest.h>

#include "net/test_server.h"

namespace keyhold::net {
namespace {

using std::chrono::milliseconds;

Deadline soon(milliseconds span = milliseconds(5000)) {
  return Deadline::after(system_clock(), span);
}

Result<HttpResponse> get(const std::string& url, const HttpOptions& options = {}) {
  HttpRequest request;
  request.url = url;
  return HttpClient(system_clock(), options).send(request, soon());
}

Code code_of(const Result<HttpResponse>& result) {
  EXPECT_FALSE(result);
  return result ? Code::internal : result.error().code();
}

TEST(HttpClient, PostsABodyAndReadsTheAnswer) {
  TestServer server([](const TestServer::Received&) {
    return TestServer::reply(201, "made", "X-Thing:  two words \r\n");
  });
  HttpRequest request;
  request.method = "POST";
  request.url = server.url("/hook?a=1");
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer t0ken"}};
  request.body = WipedString("{\"a\":\0 1}", 9);
  const auto response = HttpClient(system_clock(), {}).send(request, soon());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  const auto thing = std::ranges::find(response->headers, "x-thing", &HttpHeader::name);
  ASSERT_NE(thing, response->headers.end());
  EXPECT_EQ(thing->value, "two words");
  const auto received = server.received();
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].method, "POST");
  EXPECT_EQ(received[0].target, "/hook?a=1");
  EXPECT_EQ(received[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(received[0].headers.at("authorization"), "Bearer t0ken");
  EXPECT_EQ(received[0].body, std::string_view(request.body));
}

TEST(HttpClient, EveryMethodIsSentAsItIsCalled) {
  TestServer server;
  for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
    HttpRequest request;
    request.method = method;
    request.url = server.url();
    EXPECT_EQ(HttpClient(system_clock(), {}).send(request, soon())->status, 200);
    EXPECT_EQ(server.received().back().method, method);
  }
}

TEST(HttpClient, ARedirectIsAnAnswerAndNotFollowed) {
  TestServer elsewhere;
  TestServer server([&](const TestServer::Received&) {
    return TestServer::reply(307, "", "Location: " + elsewhere.url() + "\r\n");
  });
  EXPECT_EQ(get(server.url())->status, 307);
  EXPECT_TRUE(elsewhere.received().empty());
}

TEST(HttpClient, AnErrorStatusIsAnAnswer) {
  for (const int status : {400, 404, 429, 500, 503}) {
    TestServer server(TestServer::always(status));
    EXPECT_EQ(get(server.url())->status, status);
  }
}

TEST(HttpClient, AnAnswerBeyondItsBoundIsRefused) {
  TestServer server([](const TestServer::Received& request) {
    if (request.target == "/headers") {
      return TestServer::reply(
          200, "",
          "X: " + std::string(60'000, 'x') + "\r\nY: " + std::string(60'000, 'x') + "\r\n");
    }
    return TestServer::reply(200, std::string(1001, 'x'));
  });
  HttpOptions options;
  options.max_response_bytes = 1000;
  EXPECT_EQ(code_of(get(server.url(), options)), Code::integrity);
  options.max_response_bytes = 1001;
  EXPECT_EQ(get(server.url(), options)->body.size(), 1001U);
  EXPECT_EQ(code_of(get(server.url("/headers"))), Code::integrity);
}

TEST(HttpClient, NoUsefulAnswerIsAnOutage) {
  TestServer closes([](const TestServer::Received&) { return ""; });
  EXPECT_EQ(code_of(get(closes.url())), Code::unavailable);
  TestServer short_body([](const TestServer::Received&) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5";
  });
  EXPECT_EQ(code_of(get(short_body.url())), Code::unavailable);
  TestServer no_http([](const TestServer::Received&) { return "SSH-2.0-x\r\n"; });
  EXPECT_EQ(code_of(get(no_http.url())), Code::unavailable);
  std::string gone;
  {
    const TestServer server;
    gone = server.url();
  }
  EXPECT_EQ(code_of(get(gone)), Code::unavailable);
  // Plain text where TLS is wanted.
  TestServer plain;
  EXPECT_EQ(code_of(get("https" + plain.url().substr(4))), Code::unavailable);
}

// A server that takes its time: the answer comes when the test lets it.
class SlowServer {
 public:
  SlowServer()
      : server_([this](const TestServer::Received&) {
          hangs_.wait(true);
          return TestServer::reply(200);
        }) {}
  ~SlowServer() {
    hangs_ = false;
    hangs_.notify_all();
  }
  [[nodiscard]] std::string url() const { return server_.url(); }

 private:
  std::atomic<bool> hangs_ = true;
  TestServer server_;
};

TEST(HttpClient, TheDeadlineEndsARequest) {
  const SlowServer server;
  HttpRequest request;
  request.url = server.url();
  const BootTime before = system_clock().boot_now();
  EXPECT_EQ(code_of(HttpClient(system_clock(), {}).send(request, soon(milliseconds(100)))),
            Code::unavailable);
  EXPECT_LT(system_clock().boot_now() - before, milliseconds(2000));
  EXPECT_EQ(code_of(HttpClient(system_clock(), {}).send(request, soon(milliseconds(0)))),
            Code::unavailable);
}

TEST(HttpClient, ACancelledRequestEndsWithinASecondOrTwo) {
  const SlowServer server;
  HttpOptions options;
  options.cancelled = [] { return true; };
  const BootTime before = system_clock().boot_now();
  EXPECT_EQ(code_of(get(server.url(), options)), Code::unavailable);
  EXPECT_LT(system_clock().boot_now() - before, milliseconds(3000));
}

TEST(HttpClient, WhatCannotBeSentIsRefusedBeforeAnythingIs) {
  TestServer server;
  for (const std::string& url :
       {std::string(), std::string("ftp://host/"), std::string("file:///etc/passwd"),
        std::string("//host"), std::string("http://"), std::string("http://user:secret@host/"),
        std::string("http://host/a b"), std::string("http://host/\n"),
        "http://host/" + std::string(9000, 'x')}) {
    EXPECT_EQ(code_of(get(url)), Code::invalid_argument) << url;
  }
  HttpRequest request;
  request.url = server.url();
  request.method = "TRACE";
  EXPECT_EQ(code_of(HttpClient(system_clock(), {}).send(request, soon())), Code::invalid_argument);
  request.method = "GET";
  for (const HttpHeader& header : {HttpHeader{"A", "b\r\nC: d"}, HttpHeader{"A\n", "b"},
                                   HttpHeader{"", "b"}, HttpHeader{"A:", "b"}}) {
    request.headers = {header};
    EXPECT_EQ(code_of(HttpClient(system_clock(), {}).send(request, soon())),
              Code::invalid_argument);
  }
  EXPECT_TRUE(server.received().empty());
}

TEST(HttpClient, TheEnvironmentsProxyIsNotUsed) {
  TestServer proxy;
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  TestServer server;
  EXPECT_EQ(get(server.url())->status, 200);
  ::unsetenv("http_proxy");
  EXPECT_TRUE(proxy.received().empty());
  EXPECT_EQ(server.received().size(), 1U);
}

TEST(HttpClient, AUrlsOriginIsSchemeAndHost) {
  EXPECT_EQ(parse_http_url("HTTPS://Hooks.Example:8443/x")->scheme, "https");
  EXPECT_EQ(parse_http_url("HTTPS://Hooks.Example:8443/x")->host, "hooks.example");
  EXPECT_EQ(parse_http_url("http://[::1]:80/")->host, "[::1]");
}

}  // namespace
}  // namespace keyhold::net
