// The client against the stand-in: what a customer takes away, and what goes wrong on the way.
#include "kms/gcp/client.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cloud/test_environment.h"
#include "crypto/test_rsa_key.h"
#include "kms/gcp/test_google.h"

namespace keyhold::kms::gcp {
namespace {

class GcpClientTest : public testing::Test {
 protected:
  GcpClientTest() {
    environment_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/account.json";
    environment_.variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"] = google_.url();
    environment_.files["/account.json"] = google_.credential_file(crypto::test_rsa_key());
    admin("POST", "?cryptoKeyId=orders", R"({"purpose":"ENCRYPT_DECRYPT"})");
    client_ = client_of(spec());
    const auto wrapped =
        client_->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
    EXPECT_TRUE(wrapped.has_value()) << wrapped.error().message();
    if (wrapped) ciphertext_ = wrapped->ciphertext;
  }

  void admin(const std::string& method, const std::string& what, const std::string& body) {
    net::HttpRequest request;
    request.method = method;
    request.url = google_.url("/v1/" + std::string(TestGoogle::kRing) + "/cryptoKeys" + what);
    request.headers = {
        {.name = "Authorization", .value = std::string("Bearer ") + TestGoogle::kAdminToken}};
    request.body = WipedString(body);
    const auto response = net::HttpClient(system_clock(), {}).send(request, soon());
    EXPECT_EQ(response.value().status, 200) << std::string(response->body);
  }
  [[nodiscard]] KeySpec spec() const {
    KeySpec spec;
    spec.type = KeyType::gcp_cloud_kms;
    spec.uri = KeyUri(std::string(TestGoogle::kRing) + "/cryptoKeys/orders");
    spec.auth_principal = AuthPrincipal(TestGoogle::kAccount);
    spec.endpoint = google_.url();
    return spec;
  }
  std::unique_ptr<Client> client_of(const KeySpec& spec) {
    auto client = GcpClient::create(spec, environment_, system_clock(), crypto::system_random());
    EXPECT_TRUE(client.has_value()) << client.error().message();
    return *std::move(client);
  }
  static Deadline soon() { return Deadline::after(system_clock(), std::chrono::seconds(20)); }

  void expect_probe(Fault fault) {
    const auto probed = client_->probe(ciphertext_, {}, soon());
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
    EXPECT_EQ(probed.error().message().find("ya29"), std::string::npos);
    EXPECT_EQ(probed.error().message().find("PRIVATE"), std::string::npos);
  }
  void expect_fine() {
    const auto probed = client_->probe(ciphertext_, {}, soon());
    EXPECT_TRUE(probed.has_value()) << probed.error().message();
    const auto unwrapped = client_->unwrap(ciphertext_, {}, soon());
    EXPECT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  }
  void instead(const std::string& kind, const std::string& answer) {
    google_.with_lock([&] { google_.instead[kind] = answer; });
  }
  [[nodiscard]] std::size_t asked(const std::string& part) const {
    std::size_t count = 0;
    for (const auto& request : google_.received()) {
      if (request.target.find(part) != std::string::npos) ++count;
    }
    return count;
  }

  TestGoogle google_{system_clock()};
  cloud::TestEnvironment environment_;
  std::unique_ptr<Client> client_;
  ByteVector ciphertext_;
};

TEST_F(GcpClientTest, ProbeImpersonatesAnewAndUnwrapDoesNot) {
  const std::size_t logins = asked("generateAccessToken");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client_->unwrap(ciphertext_, {}, soon()).has_value());
  }
  EXPECT_EQ(asked("generateAccessToken"), logins);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client_->probe(ciphertext_, {}, soon()).has_value());
  }
  EXPECT_EQ(asked("generateAccessToken"), logins + 3);
  EXPECT_EQ(asked("/token"), 1U);  // our own token is kept
}

TEST_F(GcpClientTest, ImpersonationTakenAwayDeniesTheNextProbeThoughATokenLives) {
  expect_fine();
  google_.with_lock([&] { google_.creators.clear(); });
  expect_probe(Fault::denied);
  google_.with_lock([&] { google_.creators.insert(TestGoogle::kCluster); });
  expect_fine();
}

TEST_F(GcpClientTest, OwnAccountThatIsGoneSaysNothingOfTheCustomer) {
  client_ = client_of(spec());
  const auto oauth = [](const std::string& text) {
    return net::TestServer::reply(
        400, R"({"error":"invalid_grant","error_description":")" + text + R"("})");
  };
  instead("token", oauth("Invalid grant: account not found"));
  expect_probe(Fault::configuration);
  instead("token", oauth("Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                         "reasonable timeframe."));
  expect_probe(Fault::unavailable);
}

TEST_F(GcpClientTest, AnswersThatAreNotGooglesAreOutagesAtEachStep) {
  for (const char* kind : {"token", "impersonate", "kms"}) {
    for (const std::string& answer :
         {net::TestServer::reply(403, "<html>Forbidden</html>"), net::TestServer::reply(200, "{}"),
          net::TestServer::reply(200, "nonsense"), net::TestServer::reply(502), std::string(),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"accessToken\":"),
          net::TestServer::reply(302, "", "Location: https://example.com/\r\n"),
          net::TestServer::reply(200, std::string(2U << 20U, 'x'))}) {
      client_ = client_of(spec());
      instead(kind, answer);
      expect_probe(Fault::unavailable);
      EXPECT_EQ(client_->unwrap(ciphertext_, {}, soon()).error().fault(), Fault::unavailable);
      google_.with_lock([&] { google_.instead.clear(); });
    }
  }
  expect_fine();
}

TEST_F(GcpClientTest, KeptTokenThatEndedIsReplaced) {
  expect_fine();
  google_.with_lock([&] { google_.forget_tokens(); });
  const auto unwrapped = client_->unwrap(ciphertext_, {}, soon());
  EXPECT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  google_.with_lock([&] { google_.forget_tokens(); });
  expect_fine();
}

TEST_F(GcpClientTest, AnswerChangedOnTheWayIsAnOutage) {
  instead("kms", net::TestServer::reply(
                     200, R"({"plaintext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",)"
                          R"("plaintextCrc32c":"1"})"));
  expect_probe(Fault::unavailable);
}

TEST_F(GcpClientTest, NamedVersionWrapsAndIsDescribed) {
  admin("POST", "/orders/cryptoKeyVersions", "{}");
  KeySpec named = spec();
  named.uri = KeyUri(named.uri.str() + "/cryptoKeyVersions/2");
  client_ = client_of(named);
  const auto wrapped =
      client_->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  EXPECT_EQ(wrapped->key_version, KeyVersion("2"));
  EXPECT_EQ(client_->describe(soon())->primary_version, KeyVersion("2"));
  expect_fine();  // what version 1 wrapped
}

TEST_F(GcpClientTest, KeyOfAnotherPurposeIsAConfigurationFault) {
  admin("POST", "?cryptoKeyId=signing", R"({"purpose":"ASYMMETRIC_SIGN"})");
  KeySpec signing = spec();
  signing.uri = KeyUri(std::string(TestGoogle::kRing) + "/cryptoKeys/signing");
  client_ = client_of(signing);
  EXPECT_EQ(client_->describe(soon()).error().fault(), Fault::configuration);
  EXPECT_EQ(client_->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon())
                .error()
                .fault(),
            Fault::configuration);
}

TEST_F(GcpClientTest, RequestIdIsInTheRequestsReason) {
  const auto probed = client_->probe(ciphertext_, {}, soon());
  ASSERT_TRUE(probed.has_value());
  bool found = false;
  for (const auto& request : google_.received()) {
    const auto reason = request.headers.find("x-goog-request-reason");
    found = found || (reason != request.headers.end() && reason->second == "keyhold " + *probed);
  }
  EXPECT_TRUE(found);
}

TEST_F(GcpClientTest, SpecThatIsNotValidSaysHowOneLooks) {
  const auto refused = [&](const KeySpec& bad) {
    const auto client =
        GcpClient::create(bad, environment_, system_clock(), crypto::system_random());
    EXPECT_FALSE(client.has_value());
    if (client) return std::string();
    EXPECT_EQ(client.error().fault(), Fault::configuration);
    return client.error().message();
  };
  KeySpec bad = spec();
  bad.uri = KeyUri("arn:aws:kms:us-east-1:1:key/x");
  EXPECT_NE(refused(bad).find("cryptoKeys/orders"), std::string::npos);
  bad = spec();
  bad.auth_principal = AuthPrincipal("not a principal");
  EXPECT_NE(refused(bad).find("iam.gserviceaccount.com"), std::string::npos);
  bad = spec();
  bad.endpoint = "http://kms.example.com";
  EXPECT_NE(refused(bad).find("https"), std::string::npos);
  bad = spec();
  bad.type = KeyType::local;
  EXPECT_FALSE(refused(bad).empty());
}

}  // namespace
}  // namespace keyhold::kms::gcp
