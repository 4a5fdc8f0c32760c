// What the client does with the answers of KMS and STS: a stand-in gives them.
#include "kms/aws/client.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/test_immortal.h"
#include "cloud/test_environment.h"
#include "kms/aws/test_aws.h"

namespace keyhold::kms {
namespace {

using aws::TestAws;
using Actions = std::vector<std::string>;

const std::string kArn = "arn:aws:kms:us-east-1:111122223333:key/mrk-1";
const std::string kOther = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1";
const std::string kRole = "arn:aws:iam::111122223333:role/keyhold";

std::string decrypted(const std::string& arn) {
  return R"({"KeyId":")" + arn + R"(","Plaintext":")" + to_base64(ByteVector(32, 7)) +
         R"(","KeyMaterialId":"material-1"})";
}
std::string encrypted(const std::string& arn) {
  return R"({"KeyId":")" + arn +
         R"(","CiphertextBlob":"AQID","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"})";
}
std::string described(const std::string& arn, const std::string& fields = "") {
  return R"({"KeyMetadata":{"Arn":")" + arn +
         R"(","KeyState":"Enabled","KeyUsage":"ENCRYPT_DECRYPT","KeySpec":"SYMMETRIC_DEFAULT")" +
         fields + "}}";
}

class AwsClientTest : public testing::Test {
 protected:
  AwsClientTest() : aws_(clock_) {
    environment_.variables = {{"AWS_ACCESS_KEY_ID", "AKIAOWN"},
                              {"AWS_SECRET_ACCESS_KEY", "HIDDEN"},
                              {"AWS_ENDPOINT_URL_STS", aws_.url()}};
    aws_.on("Decrypt us-east-1", 200, decrypted(kArn));
    aws_.on("Decrypt eu-west-1", 200, decrypted(kOther));
    aws_.on("Encrypt", 200, encrypted(kArn));
    aws_.on("DescribeKey us-east-1", 200,
            described(kArn, R"(,"CurrentKeyMaterialId":"material-2")"));
    spec_.type = KeyType::aws_kms;
    spec_.uri = KeyUri(kArn);
    spec_.auth_principal = AuthPrincipal(kRole);
    spec_.endpoint = aws_.url();
  }

  std::unique_ptr<Client> client() {
    const Caller caller{
        .org = OrgId("org-1"), .cluster = ClusterId("orders"), .region = RegionName("eu-west-1")};
    auto made = AwsClient::create(spec_, caller, environment_, clock_);
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return *std::move(made);
  }
  void use_replicas() { spec_.uri = KeyUri(kArn + "?replicas=eu-west-1"); }
  [[nodiscard]] Deadline soon() const { return Deadline::after(clock_, std::chrono::seconds(20)); }
  Result<std::string> probe(Client& client) { return client.probe(ciphertext_, {}, soon()); }
  Result<UnwrappedKey> unwrap(Client& client) { return client.unwrap(ciphertext_, {}, soon()); }
  Fault probe_fault(Client& client) {
    const auto probed = probe(client);
    EXPECT_FALSE(probed.has_value());
    if (probed) return Fault::configuration;
    EXPECT_EQ(probed.error().message().find("HIDDEN"), std::string::npos);
    EXPECT_EQ(probed.error().message().find("TOKEN"), std::string::npos);
    return probed.error().fault();
  }

  // Never destroyed: connections are shared for the life of the process.
  ManualClock& clock_ = immortal<ManualClock>();
  TestAws aws_;
  cloud::TestEnvironment environment_;
  KeySpec spec_;
  const ByteVector ciphertext_ = {1, 2, 3};
};

TEST_F(AwsClientTest, AProbeIsOneRequestMoreThanItsLoginAndEachLogsInAnew) {
  const auto made = client();
  for (int round = 1; round <= 3; ++round) {
    aws_.forget();
    ASSERT_TRUE(probe(*made).has_value());
    EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole us-east-1", "Decrypt us-east-1"}));
    EXPECT_EQ(*aws_.calls()[1].header("x-amz-security-token"), "TOKEN" + std::to_string(round));
    EXPECT_NE(aws_.calls()[0].body.find("ExternalId=org-1"), std::string::npos);
    EXPECT_NE(aws_.calls()[0].body.find("RoleSessionName=keyhold-orders"), std::string::npos);
  }
}

TEST_F(AwsClientTest, ProbesGoOverWarmConnections) {
  ASSERT_TRUE(probe(*client()).has_value());
  net::HttpOptions options;
  options.max_response_bytes = 256U << 10U;
  const auto http = net::shared_http_client(clock_, options);
  const auto opened = http->connections_opened();
  EXPECT_GE(opened, 1U);
  for (int round = 0; round < 5; ++round) ASSERT_TRUE(probe(*client()).has_value());
  EXPECT_EQ(http->connections_opened(), opened);
}

TEST_F(AwsClientTest, UnwrapsShareASessionUntilItIsNearItsEnd) {
  const auto made = client();
  for (int round = 0; round < 3; ++round) ASSERT_TRUE(unwrap(*made).has_value());
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole us-east-1", "Decrypt us-east-1",
                                     "Decrypt us-east-1", "Decrypt us-east-1"}));
  clock_.advance(std::chrono::minutes(49));
  aws_.forget();
  ASSERT_TRUE(unwrap(*made).has_value());
  EXPECT_EQ(aws_.actions().size(), 2U);
}

TEST_F(AwsClientTest, ASessionThatIsRefusedIsMadeAnewOnce) {
  const auto made = client();
  ASSERT_TRUE(unwrap(*made).has_value());
  aws_.forget();
  aws_.on("Decrypt us-east-1", [&](const net::HttpCall& call) {
    const bool old = *call.header("x-amz-security-token") == "TOKEN1";
    return old ? TestAws::reply(400, R"({"__type":"ExpiredTokenException"})")
               : TestAws::reply(200, decrypted(kArn));
  });
  EXPECT_TRUE(unwrap(*made).has_value());
  EXPECT_EQ(aws_.actions(),
            (Actions{"Decrypt us-east-1", "AssumeRole us-east-1", "Decrypt us-east-1"}));
  aws_.refuse("Decrypt us-east-1", "UnrecognizedClientException");
  EXPECT_EQ(unwrap(*made).error().fault(), Fault::configuration);
}

TEST_F(AwsClientTest, WithoutARoleTheClusterAsksItself) {
  spec_.auth_principal = AuthPrincipal();
  ASSERT_TRUE(probe(*client()).has_value());
  EXPECT_EQ(aws_.actions(), Actions{"Decrypt us-east-1"});
  EXPECT_NE(aws_.calls()[0].header("authorization")->find("Credential=AKIAOWN/"),
            std::string::npos);
}

TEST_F(AwsClientTest, AWrapKnowsTheKeyMaterialThatItTook) {
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  const auto wrapped = client()->wrap(key, {}, soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  EXPECT_EQ(wrapped->key_version, KeyVersion("material-2"));
  EXPECT_EQ(wrapped->algorithm, "SYMMETRIC_DEFAULT");
  EXPECT_EQ(wrapped->ciphertext, ciphertext_);
  EXPECT_EQ(wrapped->request_id, "req-1");
  const auto unwrapped = unwrap(*client());
  EXPECT_EQ(unwrapped->key_version, KeyVersion("material-1"));
}

TEST_F(AwsClientTest, WhereKmsTellsNoKeyMaterialTheKeysIdStandsForTheVersion) {
  aws_.on("DescribeKey us-east-1", 200, described(kArn));
  EXPECT_EQ(client()->describe(soon()).value().primary_version, KeyVersion("mrk-1"));
}

TEST_F(AwsClientTest, AKeyOfTheWrongTypeIsAConfigurationFault) {
  aws_.on("DescribeKey us-east-1", 200,
          R"({"KeyMetadata":{"Arn":")" + kArn +
              R"(","KeyState":"Enabled","KeyUsage":"SIGN_VERIFY","KeySpec":"ECC_NIST_P256"}})");
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  EXPECT_EQ(client()->wrap(key, {}, soon()).error().fault(), Fault::configuration);
  EXPECT_EQ(client()->describe(soon()).error().fault(), Fault::configuration);
  EXPECT_EQ(aws_.actions().back(), "DescribeKey us-east-1");
}

TEST_F(AwsClientTest, StatesOfTheKey) {
  const auto state_of = [&](const std::string& state) {
    aws_.on("DescribeKey us-east-1", 200,
            R"({"KeyMetadata":{"Arn":")" + kArn + R"(","KeyState":")" + state + "\"}}");
    return client()->describe(soon());
  };
  EXPECT_EQ(state_of("Enabled")->state, KeyState::enabled);
  EXPECT_EQ(state_of("Updating")->state, KeyState::enabled);
  EXPECT_EQ(state_of("Disabled")->state, KeyState::disabled);
  EXPECT_EQ(state_of("PendingImport")->state, KeyState::disabled);
  EXPECT_EQ(state_of("PendingDeletion")->state, KeyState::pending_deletion);
  EXPECT_EQ(state_of("PendingReplicaDeletion")->state, KeyState::pending_deletion);
  EXPECT_EQ(state_of("Unavailable").error().fault(), Fault::ambiguous);
  EXPECT_EQ(state_of("Creating").error().fault(), Fault::unavailable);
}

TEST_F(AwsClientTest, AnAnswerForAnotherKeyIsNone) {
  aws_.on("Decrypt us-east-1", 200, decrypted("arn:aws:kms:us-east-1:111122223333:key/other"));
  EXPECT_EQ(probe_fault(*client()), Fault::malformed);
  aws_.on("Encrypt", 200, encrypted(kOther));
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  EXPECT_EQ(client()->wrap(key, {}, soon()).error().fault(), Fault::malformed);
}

TEST_F(AwsClientTest, AnAliasMayBeOfAnyKeyOfItsAccount) {
  spec_.uri = KeyUri("arn:aws:kms:us-east-1:111122223333:alias/orders");
  EXPECT_TRUE(probe(*client()).has_value());
  aws_.on("Decrypt us-east-1", 200, decrypted("arn:aws:kms:us-east-1:999999999999:key/mrk-1"));
  EXPECT_EQ(probe_fault(*client()), Fault::malformed);
}

TEST_F(AwsClientTest, WhatWasWrappedElsewhereAndIsNoKeyIsMalformed) {
  aws_.on("Decrypt us-east-1", 200,
          R"({"KeyId":")" + kArn + R"(","Plaintext":")" + to_base64(ByteVector(31, 7)) + "\"}");
  EXPECT_EQ(probe_fault(*client()), Fault::malformed);
}

TEST_F(AwsClientTest, ACiphertextThatKmsDoesNotTakeIsNotSent) {
  EXPECT_EQ(client()->unwrap({}, {}, soon()).error().fault(), Fault::malformed);
  EXPECT_EQ(client()->unwrap(ByteVector(6145), {}, soon()).error().fault(), Fault::malformed);
  EXPECT_TRUE(aws_.actions().empty());
}

TEST_F(AwsClientTest, TheNodesOwnRegionIsAsked) {
  use_replicas();
  ASSERT_TRUE(probe(*client()).has_value());
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole eu-west-1", "Decrypt eu-west-1"}));
  EXPECT_NE(aws_.calls()[1].body.find(kOther), std::string::npos);
}

TEST_F(AwsClientTest, AnOutageLeadsToAnotherReplicaWhichThenGoesFirstForAMinute) {
  use_replicas();
  aws_.on("Decrypt eu-west-1", 503, "");
  const auto made = client();
  ASSERT_TRUE(probe(*made).has_value());
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole eu-west-1", "Decrypt eu-west-1",
                                     "AssumeRole us-east-1", "Decrypt us-east-1"}));
  aws_.forget();
  ASSERT_TRUE(probe(*made).has_value());
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole us-east-1", "Decrypt us-east-1"}));
  clock_.advance(std::chrono::minutes(2));
  aws_.on("Decrypt eu-west-1", 200, decrypted(kOther));
  aws_.forget();
  ASSERT_TRUE(probe(*made).has_value());
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole eu-west-1", "Decrypt eu-west-1"}));
}

TEST_F(AwsClientTest, EveryReplicaIsAskedWhileTheOthersAreOut) {
  spec_.uri = KeyUri(kArn + "?replicas=eu-west-1,ap-south-1");
  aws_.on("Decrypt eu-west-1", 503, "");
  aws_.on("Decrypt us-east-1", 503, "");
  const std::string third =
      "arn:aws:kms:ap-south-1" + kArn.substr(std::string("arn:aws:kms:us-east-1").size());
  aws_.on("Decrypt ap-south-1", 200, decrypted(third));
  const auto made = client();
  ASSERT_TRUE(probe(*made).has_value());
  EXPECT_EQ(aws_.actions().back(), "Decrypt ap-south-1");
  aws_.forget();
  ASSERT_TRUE(probe(*made).has_value());
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole ap-south-1", "Decrypt ap-south-1"}));
}

TEST_F(AwsClientTest, AnOutageOfARegionsStsLeadsToAnotherReplicaToo) {
  use_replicas();
  aws_.on("AssumeRole eu-west-1", 503, "");
  ASSERT_TRUE(probe(*client()).has_value());
  EXPECT_EQ(aws_.actions(),
            (Actions{"AssumeRole eu-west-1", "AssumeRole us-east-1", "Decrypt us-east-1"}));
}

TEST_F(AwsClientTest, ADenialIsFinalWhateverTheOtherReplicaWouldSay) {
  use_replicas();
  struct {
    const char* code;
    Fault fault;
  } const rows[] = {{"DisabledException", Fault::disabled},
                    {"AccessDeniedException", Fault::denied},
                    {"NotFoundException", Fault::not_found},
                    {"KMSInvalidStateException", Fault::ambiguous},
                    {"InvalidCiphertextException", Fault::malformed}};
  for (const auto& row : rows) {
    aws_.refuse("Decrypt eu-west-1", row.code);
    aws_.forget();
    EXPECT_EQ(probe_fault(*client()), row.fault);
    EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole eu-west-1", "Decrypt eu-west-1"}));
  }
}

TEST_F(AwsClientTest, AnOutageIsTriedOnceMoreButNotInAProbe) {
  aws_.on("Decrypt us-east-1", 500, R"({"__type":"KMSInternalException"})");
  const auto made = client();
  EXPECT_EQ(unwrap(*made).error().fault(), Fault::unavailable);
  EXPECT_EQ(aws_.actions(),
            (Actions{"AssumeRole us-east-1", "Decrypt us-east-1", "Decrypt us-east-1"}));
  aws_.forget();
  EXPECT_EQ(probe_fault(*made), Fault::unavailable);
  EXPECT_EQ(aws_.actions(), (Actions{"AssumeRole us-east-1", "Decrypt us-east-1"}));
}

TEST_F(AwsClientTest, TrustThatWasTakenAwayIsADenialWhileAnOldSessionStillLives) {
  const auto made = client();
  ASSERT_TRUE(unwrap(*made).has_value());
  aws_.on("AssumeRole", [](const net::HttpCall&) { return TestAws::sts_error("AccessDenied"); });
  EXPECT_TRUE(unwrap(*made).has_value());  // the old session
  const auto probed = probe(*made);
  ASSERT_FALSE(probed.has_value());
  EXPECT_EQ(probed.error().fault(), Fault::denied);
  EXPECT_EQ(probed.error().request_id(), "sts-1");
  EXPECT_NE(probed.error().message().find("AssumeRole " + kRole), std::string::npos);
}

TEST_F(AwsClientTest, TheClustersOwnLoginSaysNothingOfTheCustomer) {
  environment_.variables.erase("AWS_ACCESS_KEY_ID");
  environment_.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  environment_.variables["AWS_ROLE_ARN"] = "arn:aws:iam::444455556666:role/cluster";
  environment_.files["/token"] = "a.b.c";
  aws_.on("AssumeRoleWithWebIdentity",
          [](const net::HttpCall&) { return TestAws::sts_error("AccessDenied"); });
  EXPECT_EQ(probe_fault(*client()), Fault::configuration);
  spec_.auth_principal = AuthPrincipal();  // then it is whom the customer allows
  EXPECT_EQ(probe_fault(*client()), Fault::denied);
}

TEST_F(AwsClientTest, AnswersThatAreNotAwssAreOutagesAtEachStep) {
  const std::string page = "<html>403 Forbidden</html>";
  for (const std::string action : {"AssumeRole", "Decrypt us-east-1"}) {
    for (const int status : {200, 301, 403, 404, 502}) {
      aws_.on(action, status, page);
      EXPECT_EQ(probe_fault(*client()), Fault::unavailable) << action << status;
    }
    aws_.on(action, 403, std::string(1U << 20U, ' '));
    EXPECT_EQ(probe_fault(*client()), Fault::unavailable) << action;
    aws_.on(action, [](const net::HttpCall&) {
      net::HttpAnswer cut = TestAws::reply(200, std::string(1000, '{'));
      cut.cut = net::HttpAnswer::Cut::within;
      return cut;
    });
    EXPECT_EQ(probe_fault(*client()), Fault::unavailable) << action;
    aws_.on(action, [this, action](const net::HttpCall&) {
      return action == "AssumeRole" ? aws_.assumed() : TestAws::reply(200, decrypted(kArn));
    });
  }
}

TEST_F(AwsClientTest, TlsOfAnUnknownAuthorityAndNoServerAreOutages) {
  spec_.endpoint = "https" + aws_.url().substr(4);
  EXPECT_EQ(probe_fault(*client()), Fault::unavailable);
  spec_.endpoint = "http://127.0.0.1:1";
  EXPECT_EQ(probe_fault(*client()), Fault::unavailable);
}

TEST_F(AwsClientTest, ASkewedClockIsAnOutageThatSaysHowFarItIsOff) {
  aws_.on("Decrypt us-east-1", [](const net::HttpCall&) {
    return TestAws::reply(
        400, R"({"__type":"InvalidSignatureException","message":"Signature expired: x"})");
  });
  const auto probed = probe(*client());
  ASSERT_FALSE(probed.has_value());
  EXPECT_EQ(probed.error().fault(), Fault::unavailable);
  EXPECT_NE(probed.error().message().find("this machine's clock is"), std::string::npos);
}

TEST_F(AwsClientTest, ASpecThatIsNotValidIsAConfigurationFault) {
  const auto refused = [&](const Caller& caller) {
    const auto made = AwsClient::create(spec_, caller, environment_, clock_);
    return !made.has_value() && made.error().fault() == Fault::configuration;
  };
  EXPECT_TRUE(refused({}));  // a role, and no organization
  const Caller caller{.org = OrgId("org-1"), .cluster = {}, .region = {}};
  spec_.uri = KeyUri("orders");
  EXPECT_TRUE(refused(caller));
  spec_.uri = KeyUri(kArn);
  spec_.endpoint = "http://kms.example.com";
  EXPECT_TRUE(refused(caller));
  spec_.endpoint = aws_.url();
  spec_.auth_principal = AuthPrincipal("keyhold");
  EXPECT_TRUE(refused(caller));
}

TEST_F(AwsClientTest, NoCredentialsAreAConfigurationFault) {
  environment_.variables.erase("AWS_ACCESS_KEY_ID");
  environment_.variables["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_EQ(probe_fault(*client()), Fault::configuration);
}

}  // namespace
}  // namespace keyhold::kms
