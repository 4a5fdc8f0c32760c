// Google Cloud KMS against devcloud: the suite of all providers, and what revocation looks like.
#include "kms/kms_conformance.h"
#include "test_gcp_world.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

std::unique_ptr<KmsAdapter> make_gcp() {
  return std::make_unique<GcpWorld>();
}

INSTANTIATE_TEST_SUITE_P(GcpOnDevcloud, KmsConformance, testing::Values(&make_gcp));

class GcpRevocation : public testing::Test {
 protected:
  void SetUp() override {
    client_ = kms_.make_client(kms_.create_key("orders")).value();
    context_.org = OrgId("org-1");
    context_.cluster = ClusterId("cluster-1");
    context_.region = RegionName("us-east-1");
    context_.purpose = Purpose::serve;
    context_.key_id = KeyId(ByteVector(16, 0x5a));
    const auto key = crypto::Key256::generate(crypto::system_random()).value();
    wrapped_ = client_->wrap(key, context_, deadline()).value().ciphertext;
    ASSERT_TRUE(probe().has_value());
  }
  [[nodiscard]] Deadline deadline() const {
    return Deadline::after(kms_.clock(), std::chrono::seconds(20));
  }
  Result<std::string> probe() { return client_->probe(wrapped_, context_, deadline()); }
  void expect(Fault fault, const std::string& piece = {}) {
    const auto probed = probe();
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
    EXPECT_NE(probed.error().message().find(piece), std::string::npos) << probed.error().message();
  }

  GcpWorld kms_;
  std::unique_ptr<Client> client_;
  WrapContext context_;
  ByteVector wrapped_;
};

TEST_F(GcpRevocation, TokenCreatorTakenAwayIsDenied) {
  kms_.let({});
  expect(Fault::denied);
  kms_.let({kGcpCluster});
  EXPECT_TRUE(probe().has_value());
}

TEST_F(GcpRevocation, RoleOnTheKeyTakenAwayIsDenied) {
  kms_.grant(kGcpRing, {{"roles/cloudkms.viewer", kGcpAccount}});
  expect(Fault::denied);
}

TEST_F(GcpRevocation, CustomersAccountDisabledIsDenied) {
  kms_.set_disabled(kGcpAccount, true);
  expect(Fault::denied);
  kms_.set_disabled(kGcpAccount, false);
  EXPECT_TRUE(probe().has_value());
}

// The operator's own trouble is not the customer's word.
TEST_F(GcpRevocation, OwnAccountDisabledIsAConfigurationFault) {
  kms_.set_disabled(kGcpCluster, true);
  expect(Fault::configuration, "the cluster's own login");
}

// A token that is out goes on, as at Google: a probe makes its own, and sees it.
TEST_F(GcpRevocation, TokenCreatorTakenAwayIsDeniedWhileATokenStillLives) {
  kms_.let({});
  EXPECT_TRUE(client_->unwrap(wrapped_, context_, deadline()).has_value());
  expect(Fault::denied, "getAccessToken");
}

TEST_F(GcpRevocation, DisabledVersionIsDisabledUntilItIsEnabled) {
  kms_.disable("orders");
  expect(Fault::disabled, "DISABLED");
  kms_.enable("orders");
  EXPECT_TRUE(probe().has_value());
}

// Only the version that wrapped counts for an unwrap.
TEST_F(GcpRevocation, DisabledOldVersionIsDisabledThoughTheKeyWasRotated) {
  kms_.rotate("orders");
  EXPECT_TRUE(probe().has_value());
  kms_.disable("orders");
  expect(Fault::disabled, "DISABLED");
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  EXPECT_TRUE(client_->wrap(key, context_, deadline()).has_value());
}

TEST_F(GcpRevocation, DeletedAccountIsDenied) {
  kms_.gcp("delete-account", {{"email", kGcpAccount}});
  expect(Fault::denied);
}

// Tokens that are out go on; who logs in anew sees it.
TEST_F(GcpRevocation, OwnDeletedKeyIsAConfigurationFault) {
  kms_.gcp("delete-account-key", {{"email", kGcpCluster}});
  EXPECT_TRUE(probe().has_value());
  client_ = kms_.client("orders");
  expect(Fault::configuration, "Invalid JWT Signature");
}

TEST_F(GcpRevocation, RevocationTakesAsLongAsThePropagation) {
  kms_.cloud().must("PUT", "propagation", {{"delay_ms", 800}});
  kms_.let({});
  const BootTime began = system_clock().boot_now();
  while (probe().has_value()) {  // bounded poll
    ASSERT_LT(system_clock().boot_now() - began, std::chrono::seconds(20));
  }
  EXPECT_GE(system_clock().boot_now() - began, std::chrono::milliseconds(700));
  expect(Fault::denied);
}

TEST_F(GcpRevocation, SkewedClockIsAnOutage) {
  kms_.cloud().must("PUT", "clock", {{"offset_ms", 7'200'000}});
  expect(Fault::unavailable, "reasonable timeframe");
}

TEST_F(GcpRevocation, FaultsOfEveryStepAreOutages) {
  const std::vector<std::pair<const char*, Fault>> rows = {
      {"throttle", Fault::throttled},  {"error", Fault::unavailable},
      {"cut", Fault::unavailable},     {"truncate", Fault::unavailable},
      {"garbage", Fault::unavailable}, {"proxy", Fault::unavailable}};
  for (const char* service : {"cloudkms", "iamcredentials", "oauth2"}) {
    for (const auto& [kind, fault] : rows) {
      SCOPED_TRACE(std::string(service) + " " + kind);
      kms_.cloud().must("POST", "faults", {{"service", service}, {"kind", kind}});
      client_ = kms_.client("orders");  // without a token of its own: every step is asked
      expect(fault);
      kms_.cloud().must("DELETE", "faults", Json::object());
    }
  }
  EXPECT_TRUE(probe().has_value());
}

TEST_F(GcpRevocation, AServerOfAnotherAuthorityIsAnOutageThatSaysSo) {
  KeySpec spec = client_->spec();
  const TestDevcloud another;
  spec.ca_file = another.ca_file();
  client_ = kms_.make_client(spec).value();
  expect(Fault::unavailable, "certificate");
}

TEST_F(GcpRevocation, ANameThatNobodyHasIsAnOutage) {
  KeySpec spec = client_->spec();
  spec.endpoint = "https://cloudkms.invalid";
  client_ = kms_.make_client(spec).value();
  expect(Fault::unavailable);
}

TEST_F(GcpRevocation, ASlowAnswerEndsByTheDeadline) {
  for (const char* service : {"cloudkms", "iamcredentials"}) {
    kms_.cloud().must("POST", "faults",
                      {{"service", service}, {"kind", "delay"}, {"delay_ms", 30'000}});
    const BootTime asked = kms_.clock().boot_now();
    const auto probed = client_->probe(
        wrapped_, context_, Deadline::after(kms_.clock(), std::chrono::milliseconds(300)));
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), Fault::unavailable);
    EXPECT_LT(kms_.clock().boot_now() - asked, std::chrono::seconds(10));
    kms_.cloud().must("DELETE", "faults", Json::object());
  }
}

TEST_F(GcpRevocation, RefusalsOfTheCustomersAreDenials) {
  const std::vector<std::tuple<const char*, const char*, Fault>> rows = {
      {"cloudkms", "deny", Fault::denied},
      {"cloudkms", "disable", Fault::disabled},
      {"iamcredentials", "deny", Fault::denied},
      {"oauth2", "deny", Fault::configuration},
      {"oauth2", "disable", Fault::configuration}};
  for (const auto& [service, kind, fault] : rows) {
    SCOPED_TRACE(std::string(service) + " " + kind);
    kms_.cloud().must("POST", "faults", {{"service", service}, {"kind", kind}});
    client_ = kms_.client("orders");
    expect(fault);
    kms_.cloud().must("DELETE", "faults", Json::object());
  }
}

class GcpLogins : public GcpRevocation {
 protected:
  // Under other credentials of the cluster's own.
  void log_in_by(const Json& file) {
    kms_.environment().files["/account.json"] = file.dump();
    client_ = kms_.client("orders");
  }
};

TEST_F(GcpLogins, RefreshTokenLogsInUntilItIsRevoked) {
  const Json user = kms_.gcp("user", {{"email", "alice@example.com"}});
  kms_.gcp("grant", {{"resource", std::string("serviceAccounts/") + kGcpAccount},
                     {"role", "roles/iam.serviceAccountTokenCreator"},
                     {"member", "user:alice@example.com"}});
  log_in_by(user);
  const auto probed = probe();
  EXPECT_TRUE(probed.has_value()) << probed.error().message();
  kms_.gcp("set-user", {{"email", "alice@example.com"}, {"revoked", true}});
  client_ = kms_.client("orders");
  ASSERT_FALSE(probe().has_value());
}

TEST_F(GcpLogins, ExternalAccountLogsInByTokenExchange) {
  const std::string provider =
      "projects/1/locations/global/workloadIdentityPools/pool/providers/oidc";
  const Json made =
      kms_.gcp("provider", {{"name", provider}, {"issuer", "https://issuer.example"}});
  const Json subject = kms_.gcp("subject-token", {{"provider", provider}, {"subject", "node-1"}});
  kms_.environment().files["/subject"] = subject["token"].get<std::string>();
  const Json file = {{"type", "external_account"},
                     {"audience", made["audience"]},
                     {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
                     {"token_url", made["token_url"]},
                     {"credential_source", {{"file", "/subject"}}}};
  log_in_by(file);
  expect(Fault::denied, "getAccessToken");
  kms_.gcp("grant", {{"resource", std::string("serviceAccounts/") + kGcpAccount},
                     {"role", "roles/iam.workloadIdentityUser"},
                     {"member",
                      "principal://iam.googleapis.com/projects/1/locations/global/"
                      "workloadIdentityPools/pool/subject/node-1"}});
  const auto probed = probe();
  EXPECT_TRUE(probed.has_value()) << probed.error().message();
}

TEST_F(GcpLogins, MetadataServerGivesTheInstancesAccount) {
  kms_.environment().variables.erase("GOOGLE_APPLICATION_CREDENTIALS");
  kms_.environment().variables["GCE_METADATA_HOST"] =
      kms_.cloud().metadata().substr(std::string_view("http://").size());
  client_ = kms_.client("orders");
  EXPECT_FALSE(probe().has_value());
  kms_.gcp("set-instance-account", {{"email", kGcpCluster}});
  const auto probed = probe();
  EXPECT_TRUE(probed.has_value()) << probed.error().message();
}

}  // namespace
}  // namespace keyhold::kms
