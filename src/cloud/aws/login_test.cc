// Logins against a stand-in of STS, the instance metadata service and a container's endpoint.
#include "cloud/aws/login.h"

#include <algorithm>
#include <mutex>

#include <gtest/gtest.h>

#include "base/test_immortal.h"
#include "base/timestamp.h"
#include "cloud/test_environment.h"
#include "net/http_server.h"

namespace keyhold::cloud::aws {
namespace {

using net::HttpAnswer;
using net::HttpCall;

class LoginTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = net::HttpServer::start({}, [this](const HttpCall& call) { return answer(call); });
    ASSERT_TRUE(server.has_value()) << server.error().message();
    server_ = *std::move(server);
    environment_.variables["AWS_ENDPOINT_URL_STS"] = server_->origin();
    http_ = std::make_shared<net::HttpClient>(clock_, net::HttpOptions());
    login_ = std::make_unique<Login>(http_, environment_, clock_, "keyhold-orders");
  }

  HttpAnswer answer(const HttpCall& call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
    if (down_) return {.status = 503, .headers = {}, .body = "down"};
    if (call.path == "/latest/api/token" && call.method == "PUT") return text("METADATA-TOKEN");
    const std::string* const token = call.header("x-aws-ec2-metadata-token");
    const bool metadata = call.path.starts_with("/latest/meta-data/iam/security-credentials/");
    if (metadata && (token == nullptr || *token != "METADATA-TOKEN"))
      return {.status = 401, .headers = {}, .body = ""};
    if (metadata && call.path.ends_with('/')) return text("instance-role");
    if (metadata) return json("ASIAINSTANCE");
    if (call.path == "/container") return json("ASIACONTAINER");
    return assumed(call);
  }
  static HttpAnswer text(const std::string& body) {
    return {.status = 200, .headers = {}, .body = body};
  }
  [[nodiscard]] std::string expiration() const {
    return format_timestamp(clock_.wall_now() + std::chrono::hours(1));
  }
  [[nodiscard]] HttpAnswer json(const std::string& id) const {
    return text(R"({"Code":"Success","AccessKeyId":")" + id +
                R"(","SecretAccessKey":"S","Token":"T","Expiration":")" + expiration() + "\"}");
  }
  HttpAnswer assumed(const HttpCall& call) {
    const bool web = call.body.find("Action=AssumeRoleWithWebIdentity") != std::string::npos;
    const std::string action = web ? "AssumeRoleWithWebIdentity" : "AssumeRole";
    ++logins_;
    return text("<" + action + "Response><" + action + "Result><Credentials><AccessKeyId>ASIA" +
                std::to_string(logins_) +
                "</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T" +
                std::to_string(logins_) + "</SessionToken><Expiration>" + expiration() +
                "</Expiration></Credentials></" + action + "Result></" + action + "Response>");
  }

  std::vector<HttpCall> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  void set_down(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
  }
  [[nodiscard]] StsEndpoint sts() const { return sts_endpoint(environment_, "eu-west-1"); }
  [[nodiscard]] Deadline soon() const { return Deadline::after(clock_, std::chrono::seconds(20)); }
  std::string own_id() {
    const auto own = login_->own(sts(), soon());
    return own ? own->access_key_id : "refused: " + own.error().message;
  }
  void use_keys() {
    environment_.variables["AWS_ACCESS_KEY_ID"] = "AKIASTATIC";
    environment_.variables["AWS_SECRET_ACCESS_KEY"] = "S";
  }
  void use_metadata() {
    environment_.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_->origin();
  }

  // Never destroyed: connections are shared for the life of the process.
  ManualClock& clock_ = immortal<ManualClock>();
  TestEnvironment environment_;
  std::shared_ptr<net::HttpClient> http_;
  std::unique_ptr<Login> login_;

 private:
  std::mutex mutex_;
  std::vector<HttpCall> calls_;
  int logins_ = 0;
  bool down_ = false;
  std::unique_ptr<net::HttpServer> server_;
};

bool has(const HttpCall& call, const std::string& piece) {
  return call.body.find(piece) != std::string::npos;
}

TEST_F(LoginTest, TheInstancesRoleIsAskedWithATokenOnly) {
  use_metadata();
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  const auto made = calls();
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[0].method, "PUT");
  EXPECT_EQ(made[2].path, "/latest/meta-data/iam/security-credentials/instance-role");
}

TEST_F(LoginTest, OwnCredentialsAreKeptUntilAFifthBeforeTheirEnd) {
  use_metadata();
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  clock_.advance(std::chrono::minutes(47));
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  EXPECT_EQ(calls().size(), 3U);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  EXPECT_EQ(calls().size(), 6U);
}

TEST_F(LoginTest, WhileARenewalGetsNoAnswerKeptOnesAreGoodUntilTheirEnd) {
  use_metadata();
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  set_down(true);
  clock_.advance(std::chrono::minutes(55));
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  EXPECT_FALSE(login_->own_anew(sts(), soon()).has_value());
  clock_.advance(std::chrono::minutes(6));
  const auto late = login_->own(sts(), soon());
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().refusal, Refusal::unavailable);
}

TEST_F(LoginTest, WhatWasRefusedIsForgotten) {
  use_metadata();
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  login_->forget();
  EXPECT_EQ(own_id(), "ASIAINSTANCE");
  EXPECT_EQ(calls().size(), 6U);
}

TEST_F(LoginTest, TheContainersEndpointGetsItsTokenFromTheFile) {
  environment_.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = sts().url + "/container";
  environment_.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/token";
  environment_.files["/token"] = "Bearer-1\n";
  EXPECT_EQ(own_id(), "ASIACONTAINER");
  EXPECT_EQ(*calls().at(0).header("authorization"), "Bearer-1");
  environment_.files["/token"] = "two words\n";
  login_->forget();
  EXPECT_NE(own_id().find("/token holds no token"), std::string::npos);
}

TEST_F(LoginTest, AWebIdentityIsExchangedUnsigned) {
  environment_.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/jwt";
  environment_.variables["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/cluster";
  environment_.files["/jwt"] = "aaa.bbb.ccc\n";
  EXPECT_EQ(own_id(), "ASIA1");
  const HttpCall call = calls().at(0);
  EXPECT_EQ(call.header("authorization"), nullptr);
  EXPECT_TRUE(has(call, "WebIdentityToken=aaa.bbb.ccc"));
  EXPECT_TRUE(has(call, "RoleSessionName=keyhold-orders"));
  login_->forget();
  environment_.files["/jwt"] = "aaa&RoleArn=other";
  EXPECT_NE(own_id().find("holds no web identity token"), std::string::npos);
}

TEST_F(LoginTest, StaticKeysAreReadAnewEachTime) {
  use_keys();
  EXPECT_EQ(own_id(), "AKIASTATIC");
  environment_.variables["AWS_ACCESS_KEY_ID"] = "AKIAOTHER";
  EXPECT_EQ(own_id(), "AKIAOTHER");
  EXPECT_TRUE(calls().empty());
}

TEST_F(LoginTest, AProfilesRoleIsAssumedOnTheWay) {
  environment_.files["/its-home/.aws/config"] =
      "[default]\nrole_arn = arn:aws:iam::111122223333:role/own\nsource_profile = default\n"
      "aws_access_key_id = AKIABASE\naws_secret_access_key = S\nexternal_id = mine\n";
  EXPECT_EQ(own_id(), "ASIA1");
  EXPECT_EQ(own_id(), "ASIA1");
  ASSERT_EQ(calls().size(), 1U);
  const HttpCall call = calls().at(0);
  EXPECT_NE(call.header("authorization")->find("Credential=AKIABASE/"), std::string::npos);
  EXPECT_TRUE(has(call, "ExternalId=mine"));
  EXPECT_TRUE(login_->own_anew(sts(), soon()).has_value());
  EXPECT_EQ(calls().size(), 2U);
}

TEST_F(LoginTest, RolesOfAChainAreAssumedWithTheCredentialsOfTheOneBefore) {
  const std::vector<RoleHop> roles = {
      {.role_arn = "arn:aws:iam::1:role/a", .external_id = "one", .session_name = ""},
      {.role_arn = "arn:aws:iam::2:role/b", .external_id = "org/1", .session_name = ""}};
  const Credentials own{
      .access_key_id = "AKIAOWN", .secret_access_key = "S", .session_token = {}, .expires_at = {}};
  const auto assumed = login_->assume(roles, own, sts(), std::chrono::minutes(15), soon());
  ASSERT_TRUE(assumed.has_value()) << assumed.error().message;
  EXPECT_EQ(assumed->credentials.access_key_id, "ASIA2");
  EXPECT_EQ(assumed->use_until, clock_.boot_now() + std::chrono::minutes(12));
  const auto made = calls();
  ASSERT_EQ(made.size(), 2U);
  EXPECT_NE(made[0].header("authorization")->find("Credential=AKIAOWN/"), std::string::npos);
  EXPECT_NE(made[0].header("authorization")->find("/eu-west-1/sts/aws4_request"),
            std::string::npos);
  EXPECT_TRUE(has(made[0], "ExternalId=one&DurationSeconds=900"));
  EXPECT_NE(made[1].header("authorization")->find("Credential=ASIA1/"), std::string::npos);
  EXPECT_EQ(*made[1].header("x-amz-security-token"), "T1");
  EXPECT_TRUE(has(made[1], "ExternalId=org%2F1"));
  EXPECT_TRUE(has(made[1], "RoleArn=arn%3Aaws%3Aiam%3A%3A2%3Arole%2Fb"));
}

TEST_F(LoginTest, NoCredentialsAnywhereIsOurConfiguration) {
  environment_.variables["AWS_EC2_METADATA_DISABLED"] = "true";
  const auto own = login_->own(sts(), soon());
  ASSERT_FALSE(own.has_value());
  EXPECT_EQ(own.error().refusal, Refusal::configuration);
}

TEST(StsEndpointTest, IsRegionalUnlessTheEnvironmentNamesOne) {
  TestEnvironment environment;
  EXPECT_EQ(sts_endpoint(environment, "eu-west-1").url, "https://sts.eu-west-1.amazonaws.com");
  environment.variables["AWS_USE_FIPS_ENDPOINT"] = "true";
  EXPECT_EQ(sts_endpoint(environment, "us-east-1").url, "https://sts-fips.us-east-1.amazonaws.com");
  environment.variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1/";
  EXPECT_EQ(sts_endpoint(environment, "us-east-1").url, "http://127.0.0.1:1");
  environment.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:2";
  EXPECT_EQ(sts_endpoint(environment, "us-east-1").url, "http://127.0.0.1:2");
  environment.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(sts_endpoint(environment, "us-east-1").url, "https://sts-fips.us-east-1.amazonaws.com");
}

}  // namespace
}  // namespace keyhold::cloud::aws
