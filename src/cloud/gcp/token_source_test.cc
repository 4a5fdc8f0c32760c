#include "cloud/gcp/token_source.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "cloud/gcp/requests.h"
#include "cloud/test_environment.h"
#include "crypto/test_rsa_key.h"
#include "net/test_server.h"

namespace keyhold::cloud::gcp {
namespace {

using Json = nlohmann::json;
using net::TestServer;

constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloudkms";

// Gives every asker the token that is named after what was asked.
class GcpTokenSource : public testing::Test {
 protected:
  static std::string oauth(const std::string& token) {
    return TestServer::reply(
        200, Json{{"access_token", token}, {"expires_in", 3600}, {"token_type", "Bearer"}}.dump(),
        "Metadata-Flavor: Google\r\n");
  }
  static std::string answer(const TestServer::Received& request) {
    if (request.target.ends_with(":generateAccessToken")) {
      const Json body = Json::parse(request.body);
      return TestServer::reply(
          200, Json{{"accessToken", "of:" + request.headers.at("authorization").substr(7)},
                    {"expireTime", "2099-01-01T00:00:00Z"}}
                   .dump());
    }
    if (request.target == "/subject") return TestServer::reply(200, R"({"t":"subject.token"})");
    if (request.target == "/sts") return oauth("federated");
    if (request.target.starts_with("/computeMetadata/")) return oauth("metadata");
    return oauth("own");
  }

  void use(const Json& credential) {
    environment_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/c";
    environment_.files["/c"] = credential.dump();
  }
  std::string log_in() {
    TokenSource source(http_, environment_, system_clock());
    const auto token = source.log_in(kScope, soon());
    return token ? std::string(token->value) : token.error().message;
  }
  static Deadline soon() { return Deadline::after(system_clock(), std::chrono::seconds(20)); }
  [[nodiscard]] Json external(const Json& source) const {
    return {{"type", "external_account"},
            {"audience", "//iam/pool"},
            {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
            {"token_url", google_.url("/sts")},
            {"credential_source", source}};
  }

  TestServer google_{&answer};
  TestEnvironment environment_;
  std::shared_ptr<net::HttpClient> http_ =
      std::make_shared<net::HttpClient>(system_clock(), net::HttpOptions());
};

TEST_F(GcpTokenSource, ServiceAccountSignsAnAssertion) {
  use({{"type", "service_account"},
       {"client_email", "a@p"},
       {"private_key_id", "k1"},
       {"private_key", crypto::test_rsa_key()},
       {"token_uri", google_.url("/token")}});
  EXPECT_EQ(log_in(), "own");
  const std::string body = google_.received().at(0).body;
  const std::string assertion = body.substr(body.find("&assertion=") + 11);
  const std::size_t first = assertion.find('.');
  const std::size_t second = assertion.find('.', first + 1);
  const auto part = [&](std::size_t from, std::size_t to) {
    const auto bytes = from_base64url(assertion.substr(from, to - from)).value();
    return Json::parse(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(part(0, first), (Json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k1"}}));
  const Json claims = part(first + 1, second);
  EXPECT_EQ(claims["iss"], "a@p");
  EXPECT_EQ(claims["aud"], "https://oauth2.googleapis.com/token");
  EXPECT_EQ(claims["scope"], kScope);
  EXPECT_EQ(claims["exp"].get<std::int64_t>() - claims["iat"].get<std::int64_t>(), 3600);
}

TEST_F(GcpTokenSource, UserRefreshes) {
  use({{"type", "authorized_user"},
       {"client_id", "i d"},
       {"client_secret", "s&c"},
       {"refresh_token", "r/1"},
       {"token_uri", google_.url("/token")}});
  EXPECT_EQ(log_in(), "own");
  EXPECT_EQ(google_.received().at(0).body,
            "grant_type=refresh_token&client_id=i%20d&client_secret=s%26c&refresh_token=r%2F1");
}

TEST_F(GcpTokenSource, MetadataServerIsAskedWithItsHeader) {
  environment_.variables["GCE_METADATA_HOST"] = google_.url("").substr(7);
  EXPECT_EQ(log_in(), "metadata");
  const auto request = google_.received().at(0);
  EXPECT_EQ(request.headers.at("metadata-flavor"), "Google");
  EXPECT_EQ(request.target,
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes="
            "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloudkms");
}

TEST_F(GcpTokenSource, ExternalAccountExchangesTheTokenOfAFileOrUrl) {
  environment_.files["/subject"] = "file.token\n";
  use(external({{"file", "/subject"}}));
  EXPECT_EQ(log_in(), "federated");
  EXPECT_NE(google_.received().at(0).body.find("subject_token=file.token"), std::string::npos);
  use(external({{"url", google_.url("/subject")},
                {"headers", {{"X-Test", "1"}}},
                {"format", {{"type", "json"}, {"subject_token_field_name", "t"}}}}));
  EXPECT_EQ(log_in(), "federated");
  EXPECT_EQ(google_.received().at(1).headers.at("x-test"), "1");
  EXPECT_NE(google_.received().at(2).body.find("subject_token=subject.token"), std::string::npos);
  Json impersonating = external({{"file", "/subject"}});
  impersonating["service_account_impersonation_url"] = google_.url("/v1/x:generateAccessToken");
  use(impersonating);
  EXPECT_EQ(log_in(), "of:federated");
}

TEST_F(GcpTokenSource, ImpersonatedAccountGoesThroughItsSource) {
  use({{"type", "impersonated_service_account"},
       {"service_account_impersonation_url", google_.url("/v1/x:generateAccessToken")},
       {"delegates", {"projects/-/serviceAccounts/d@p"}},
       {"source_credentials",
        {{"type", "authorized_user"},
         {"client_id", "i"},
         {"client_secret", "s"},
         {"refresh_token", "r"},
         {"token_uri", google_.url("/token")}}}});
  EXPECT_EQ(log_in(), "of:own");
  EXPECT_EQ(Json::parse(google_.received().at(1).body)["delegates"],
            Json::array({"projects/-/serviceAccounts/d@p"}));
}

TEST_F(GcpTokenSource, ChainEndsAtTheCustomersAccountAndOurOwnTokenIsKept) {
  environment_.variables["GCE_METADATA_HOST"] = google_.url("").substr(7);
  environment_.variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"] = google_.url("/");
  TokenSource source(http_, environment_, system_clock());
  for (int i = 0; i < 2; ++i) {
    const auto token =
        source.impersonate({"d@p", "c@q"}, kScope, std::chrono::seconds(300), soon());
    ASSERT_TRUE(token.has_value()) << token.error().message;
    EXPECT_EQ(token->value, "of:metadata");
    EXPECT_EQ(token->lifetime, std::chrono::seconds(300));
  }
  ASSERT_EQ(google_.received().size(), 3U);
  const auto request = google_.received().at(2);
  EXPECT_EQ(request.target, "/v1/projects/-/serviceAccounts/c@q:generateAccessToken");
  EXPECT_EQ(Json::parse(request.body), (Json{{"delegates", {"projects/-/serviceAccounts/d@p"}},
                                             {"scope", {kScope}},
                                             {"lifetime", "300s"}}));
}

TEST_F(GcpTokenSource, NobodyThereIsAnOutageAndABadKeyIsNot) {
  environment_.variables["GCE_METADATA_HOST"] = "127.0.0.1:1";
  TokenSource source(http_, environment_, system_clock());
  EXPECT_EQ(source.log_in(kScope, soon()).error().refusal, Refusal::unavailable);
  use({{"type", "service_account"}, {"client_email", "a@p"}, {"private_key", "s3cret"}});
  const auto token = source.log_in(kScope, soon());
  EXPECT_EQ(token.error().refusal, Refusal::configuration);
  EXPECT_EQ(token.error().message.find("s3cret"), std::string::npos);
  environment_.files.clear();
  EXPECT_EQ(source.log_in(kScope, soon()).error().refusal, Refusal::configuration);
}

TEST(GcpPrincipals, AreAChainOfEmails) {
  EXPECT_EQ(parse_principals("a@p.iam.gserviceaccount.com").value(),
            std::vector<std::string>{"a@p.iam.gserviceaccount.com"});
  EXPECT_EQ(parse_principals("a@p,b@q,123").value(),
            (std::vector<std::string>{"a@p", "b@q", "123"}));
  for (const char* bad : {"", ",", "a@p,", ",a@p", "a p", "a/b", "A@p", "a,b,c,d,e,f,g,h,i"}) {
    EXPECT_FALSE(parse_principals(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace keyhold::cloud::gcp
