// A stand-in of AWS KMS and STS on loopback, for tests: it keeps what it was asked and answers what
// the test says. Checks no signature (devcloud does, and moto serves the suite of all providers).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/timestamp.h"
#include "net/http_server.h"

namespace keyhold::kms::aws {

class TestAws {
 public:
  using Answer = std::function<net::HttpAnswer(const net::HttpCall&)>;

  explicit TestAws(const Clock& clock) : clock_(&clock) {
    auto server =
        net::HttpServer::start({}, [this](const net::HttpCall& call) { return answer(call); });
    EXPECT_TRUE(server.has_value()) << server.error().message();
    server_ = *std::move(server);
  }

  [[nodiscard]] std::string url() const { return server_->origin(); }

  // What an action answers from now on ("AssumeRole", "Decrypt"); in one region alone where the
  // name is "Decrypt us-east-1".
  void on(const std::string& action, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[action] = std::move(answer);
  }
  void on(const std::string& action, int status, const std::string& body) {
    on(action, [status, body](const net::HttpCall&) { return reply(status, body); });
  }
  void refuse(const std::string& action, const std::string& code, const std::string& message = "",
              int status = 400) {
    on(action, status, "{\"__type\":\"" + code + "\",\"message\":\"" + message + "\"}");
  }

  // "Decrypt us-east-1", in their order.
  std::vector<std::string> actions() {
    const std::lock_guard lock(mutex_);
    return actions_;
  }
  std::vector<net::HttpCall> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    actions_.clear();
    calls_.clear();
  }

  static net::HttpAnswer reply(int status, const std::string& body) {
    return {.status = status, .headers = {{"x-amzn-requestid", "req-1"}}, .body = body};
  }
  [[nodiscard]] net::HttpAnswer assumed() {
    const std::string number = std::to_string(++sessions_);
    return reply(200, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA" +
                          number + "</AccessKeyId><SecretAccessKey>HIDDEN</SecretAccessKey>" +
                          "<SessionToken>TOKEN" + number + "</SessionToken><Expiration>" +
                          format_timestamp(clock_->wall_now() + std::chrono::hours(1)) +
                          "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>");
  }
  static net::HttpAnswer sts_error(const std::string& code, int status = 403) {
    return reply(status, "<ErrorResponse><Error><Code>" + code +
                             "</Code><Message>not authorized</Message></Error>"
                             "<RequestId>sts-1</RequestId></ErrorResponse>");
  }

 private:
  static std::string between(const std::string& text, const std::string& before, char after) {
    const std::size_t at = text.find(before);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + before.size();
    return text.substr(begin, text.find(after, begin) - begin);
  }
  // The region that the request is signed for.
  static std::string region_of(const net::HttpCall& call) {
    const std::string* const authorization = call.header("authorization");
    if (authorization == nullptr) return {};
    const std::string scope = between(*authorization, "Credential=", ',');
    const std::size_t date = scope.find('/') + 1;
    return between(scope.substr(scope.find('/', date)), "/", '/');
  }
  static std::string action_of(const net::HttpCall& call) {
    const std::string* const target = call.header("x-amz-target");
    return target == nullptr ? between(call.body, "Action=", '&') : between(*target, ".", ' ');
  }

  net::HttpAnswer answer(const net::HttpCall& call) {
    const std::string action = action_of(call);
    const std::string here = action + " " + region_of(call);
    Answer found;
    {
      const std::lock_guard lock(mutex_);
      actions_.push_back(here);
      calls_.push_back(call);
      const auto in_region = answers_.find(here);
      const auto anywhere = answers_.find(action);
      if (anywhere != answers_.end()) found = anywhere->second;
      if (in_region != answers_.end()) found = in_region->second;
    }
    if (found) return found(call);
    if (action == "AssumeRole") return assumed();
    return reply(500, "");
  }

  const Clock* clock_;
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> actions_;
  std::vector<net::HttpCall> calls_;
  std::atomic<int> sessions_ = 0;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace keyhold::kms::aws
