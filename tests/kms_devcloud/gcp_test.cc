// Google Cloud KMS against devcloud: the suite of all providers, and what revocation looks like.
#include "cloud/test_environment.h"
#include "kms/gcp/client.h"
#include "kms/kms_conformance.h"
#include "test_devcloud.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

constexpr const char* kRing = "projects/customer/locations/global/keyRings/keyhold";
constexpr const char* kAdmin = "admin@customer.iam.gserviceaccount.com";
constexpr const char* kAccount = "keyhold@customer.iam.gserviceaccount.com";
constexpr const char* kCluster = "cluster-1@operator.iam.gserviceaccount.com";

class GcpAdapter final : public KmsAdapter {
 public:
  GcpAdapter() {
    gcp("account", {{"email", kAdmin}, {"project", "customer"}});
    gcp("account", {{"email", kAccount}, {"project", "customer"}});
    const Json key = gcp("account", {{"email", kCluster}, {"project", "operator"}});
    gcp("ring", {{"name", kRing}});
    token_ = gcp("token", {{"email", kAdmin}})["access_token"];
    let({kCluster});
    grant(kRing, {{"roles/cloudkms.admin", kAdmin},
                  {"roles/cloudkms.viewer", kAccount},
                  {"roles/cloudkms.cryptoKeyEncrypterDecrypter", kAccount}});
    environment_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/account.json";
    environment_.variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"] = cloud_.https();
    environment_.files["/account.json"] = Json{
        {"type", "service_account"},
        {"client_email", kCluster},
        {"private_key_id", key["private_key_id"]},
        {"private_key", key["private_key"]},
        {"token_uri",
         cloud_.https() + "/token"}}.dump();
  }

  [[nodiscard]] const Clock& clock() const override {
    return const_cast<TestDevcloud&>(cloud_).clock();
  }
  KeySpec create_key(const std::string& name) override {
    must("POST", std::string(kRing) + "/cryptoKeys?cryptoKeyId=" + name,
         {{"purpose", "ENCRYPT_DECRYPT"}});
    return spec(name);
  }
  KeySpec missing_key() override { return spec("missing"); }
  void disable(const std::string& name) override { set_state(name, "DISABLED"); }
  void enable(const std::string& name) override { set_state(name, "ENABLED"); }
  void rotate(const std::string& name) override {
    must("POST", path(name) + "/cryptoKeyVersions", Json::object());
    must("POST", path(name) + ":updatePrimaryVersion", {{"cryptoKeyVersionId", "2"}});
  }
  void schedule_deletion(const std::string& name) override {
    must("POST", version(name) + ":destroy", Json::object());
  }
  void cancel_deletion(const std::string& name) override {
    must("POST", version(name) + ":restore", Json::object());
  }
  void pass_deletion_date() override { cloud_.clock().move(std::chrono::days(31)); }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return GcpClient::create(spec, environment_, clock(), crypto::system_random());
  }

  Json gcp(const std::string& command, const Json& arguments) {
    return cloud_.must("POST", "gcp/" + command, arguments);
  }
  void grant(const std::string& resource,
             const std::vector<std::pair<std::string, std::string>>& grants) {
    Json bindings = Json::array();
    for (const auto& [role, email] : grants) {
      bindings.push_back({{"role", role}, {"members", {"serviceAccount:" + email}}});
    }
    gcp("set-policy", {{"resource", resource}, {"bindings", bindings}});
  }
  // Who may make tokens of the customer's account.
  void let(const std::vector<std::string>& emails) {
    std::vector<std::pair<std::string, std::string>> grants;
    for (const auto& email : emails)
      grants.emplace_back("roles/iam.serviceAccountTokenCreator", email);
    grant(std::string("serviceAccounts/") + kAccount, grants);
  }
  void set_disabled(const char* email, bool disabled) {
    gcp("set-account", {{"email", email}, {"disabled", disabled}});
  }
  TestDevcloud& cloud() { return cloud_; }
  cloud::TestEnvironment& environment() { return environment_; }
  std::unique_ptr<Client> client(const std::string& name) {
    return make_client(spec(name)).value();
  }

 private:
  [[nodiscard]] static std::string path(const std::string& name) {
    return std::string(kRing) + "/cryptoKeys/" + name;
  }
  [[nodiscard]] static std::string version(const std::string& name) {
    return path(name) + "/cryptoKeyVersions/1";
  }
  [[nodiscard]] KeySpec spec(const std::string& name) const {
    KeySpec spec;
    spec.type = KeyType::gcp_cloud_kms;
    spec.uri = KeyUri(path(name));
    spec.auth_principal = AuthPrincipal(kAccount);
    spec.endpoint = cloud_.https();
    spec.ca_file = cloud_.ca_file();
    return spec;
  }
  void set_state(const std::string& name, const std::string& state) {
    must("PATCH", version(name) + "?updateMask=state", {{"state", state}});
  }
  void must(const std::string& method, const std::string& target, const Json& body) {
    net::HttpOptions options;
    options.ca_file = cloud_.ca_file();
    token_ = gcp("token", {{"email", kAdmin}})["access_token"];
    net::HttpRequest request;
    request.method = method;
    request.url = cloud_.https() + "/v1/" + target;
    request.headers = {{"Authorization", "Bearer " + token_}};
    request.body = WipedString(body.dump());
    const auto response =
        net::HttpClient(system_clock(), options)
            .send(request, Deadline::after(system_clock(), std::chrono::seconds(20)));
    ASSERT_TRUE(response.has_value()) << response.error().message();
    EXPECT_EQ(response->status, 200) << target << ": " << std::string_view(response->body);
  }

  TestDevcloud cloud_;
  cloud::TestEnvironment environment_;
  std::string token_;
};

std::unique_ptr<KmsAdapter> make_gcp() {
  return std::make_unique<GcpAdapter>();
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

  GcpAdapter kms_;
  std::unique_ptr<Client> client_;
  WrapContext context_;
  ByteVector wrapped_;
};

TEST_F(GcpRevocation, TokenCreatorTakenAwayIsDenied) {
  kms_.let({});
  expect(Fault::denied);
  kms_.let({kCluster});
  EXPECT_TRUE(probe().has_value());
}

TEST_F(GcpRevocation, RoleOnTheKeyTakenAwayIsDenied) {
  kms_.grant(kRing, {{"roles/cloudkms.viewer", kAccount}});
  expect(Fault::denied);
}

TEST_F(GcpRevocation, CustomersAccountDisabledIsDenied) {
  kms_.set_disabled(kAccount, true);
  expect(Fault::denied);
  kms_.set_disabled(kAccount, false);
  EXPECT_TRUE(probe().has_value());
}

TEST_F(GcpRevocation, OwnAccountDisabledIsDenied) {
  kms_.set_disabled(kCluster, true);
  expect(Fault::denied);
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
  kms_.gcp("delete-account", {{"email", kAccount}});
  expect(Fault::denied);
}

// Tokens that are out go on; who logs in anew sees it.
TEST_F(GcpRevocation, OwnDeletedKeyIsDenied) {
  kms_.gcp("delete-account-key", {{"email", kCluster}});
  EXPECT_TRUE(probe().has_value());
  client_ = kms_.client("orders");
  expect(Fault::denied, "Invalid JWT Signature");
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

TEST_F(GcpRevocation, RefusalsOfEveryStepAreDenials) {
  const std::vector<std::tuple<const char*, const char*, Fault>> rows = {
      {"cloudkms", "deny", Fault::denied},
      {"cloudkms", "disable", Fault::disabled},
      {"iamcredentials", "deny", Fault::denied},
      {"oauth2", "deny", Fault::denied},
      {"oauth2", "disable", Fault::denied}};
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
  kms_.gcp("grant", {{"resource", std::string("serviceAccounts/") + kAccount},
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
  kms_.gcp("grant", {{"resource", std::string("serviceAccounts/") + kAccount},
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
  kms_.gcp("set-instance-account", {{"email", kCluster}});
  const auto probed = probe();
  EXPECT_TRUE(probed.has_value()) << probed.error().message();
}

}  // namespace
}  // namespace keyhold::kms
