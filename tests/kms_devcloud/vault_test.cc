// Vault's transit engine against devcloud, which enforces what Vault does: tokens, policies,
// versions, secret ids.
#include <array>

#include "cloud/test_environment.h"
#include "kms/kms_conformance.h"
#include "kms/vault/client.h"
#include "kms/vault/test_vault.h"
#include "test_devcloud.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;
using vault::VaultAdmin;

struct Server {
  Json ask(const std::string& command, const Json& arguments = Json::object()) {
    return cloud.must("POST", "vault/" + command, arguments);
  }

  TestDevcloud cloud;
  VaultAdmin admin{cloud.https(), cloud.ca_file(), ask("root-token")["token"]};
};

class DevcloudVault final : private Server, public KmsAdapter {
 public:
  DevcloudVault() : tenant_(admin), principal_(tenant_.approle()) {}

  [[nodiscard]] const Clock& clock() const override { return clock_; }
  KeySpec create_key(const std::string& name) override {
    must("POST", name);
    return tenant_.spec(name, principal_);
  }
  KeySpec missing_key() override { return tenant_.spec("missing", principal_); }
  void disable(const std::string& name) override { must("DELETE", name + "/soft-delete"); }
  void enable(const std::string& name) override { must("POST", name + "/soft-delete-restore"); }
  void rotate(const std::string& name) override { must("POST", name + "/rotate"); }
  void schedule_deletion(const std::string& name) override { doomed_ = name; }
  void cancel_deletion(const std::string&) override { doomed_.clear(); }
  void pass_deletion_date() override {
    admin.must("POST", tenant_.path(doomed_) + "/config", {{"deletion_allowed", true}});
    must("DELETE", doomed_);
  }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return VaultClient::create(spec, cloud::process_environment(), clock_);
  }
  [[nodiscard]] std::string lacks(const std::string& test) const override {
    constexpr std::array<std::string_view, 2> kDated = {
        "KeyPendingDeletionRefusesUntilItIsCancelledAndEnabled", "DescribeTellsTheState"};
    if (std::ranges::find(kDated, test) == kDated.end()) return {};
    return "Vault deletes at once: it has no pending deletion and no date";
  }

 private:
  void must(const std::string& method, const std::string& what) {
    admin.must(method, tenant_.path(what));
  }

  const Clock& clock_ = cloud.clock();
  vault::VaultTenant tenant_;
  std::string principal_;
  std::string doomed_;
};

std::unique_ptr<KmsAdapter> devcloud() {
  return std::make_unique<DevcloudVault>();
}

INSTANTIATE_TEST_SUITE_P(VaultOfDevcloud, KmsConformance, testing::Values(&devcloud));

// What the customer does to be rid of us, against what `vault setup` made.
class VaultRevocation : public testing::Test {
 protected:
  VaultRevocation() {
    setup_ = server_.ask("setup", {{"org", "acme"}});
    environment_.variables = {{"VAULT_SECRET_ID", setup_["secret_id"]}};
    spec_.type = KeyType::vault_transit;
    spec_.uri = KeyUri(setup_["key_uri"].get<std::string>());
    spec_.auth_principal = AuthPrincipal(setup_["auth_principal"].get<std::string>());
    spec_.ca_file = server_.cloud.ca_file();
  }

  void SetUp() override {
    auto made = VaultClient::create(spec_, environment_, server_.cloud.clock());
    ASSERT_TRUE(made.has_value()) << made.error().message();
    client_ = *std::move(made);
    wrapped_key_ = crypto::Key256::generate(crypto::system_random()).value();
    const auto wrapped = client_->wrap(wrapped_key_, {}, soon());
    ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
    ciphertext_ = wrapped->ciphertext;
    ASSERT_TRUE(probe().has_value());
  }
  [[nodiscard]] static Deadline soon() {
    return Deadline::after(system_clock(), std::chrono::seconds(20));
  }
  Result<std::string> probe() { return client_->probe(ciphertext_, {}, soon()); }
  void expect_probe(Fault fault) {
    const auto probed = probe();
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
  }
  void set_fault(Json fault) {
    fault["service"] = "vault";
    server_.cloud.must("POST", "faults", fault);
  }
  void clear_faults() { server_.cloud.must("DELETE", "faults", Json::object()); }

  Server server_;
  Json setup_;
  KeySpec spec_;
  cloud::TestEnvironment environment_;
  std::unique_ptr<Client> client_;
  crypto::Key256 wrapped_key_;
  ByteVector ciphertext_;
};

TEST_F(VaultRevocation, APolicyTakenAwayIsADenialUntilItIsGivenBack) {
  server_.ask("policy-revoke", {{"name", "acme"}});
  expect_probe(Fault::denied);
  EXPECT_FALSE(client_->unwrap(ciphertext_, {}, soon()).has_value());
  server_.ask("policy-grant", {{"name", "acme"}});
  EXPECT_TRUE(probe().has_value());
}

TEST_F(VaultRevocation, ADestroyedSecretIdIsADenialAtTheLogin) {
  server_.ask("secret-id-destroy", {{"name", "acme"}, {"accessor", setup_["secret_id_accessor"]}});
  expect_probe(Fault::denied);
}

TEST_F(VaultRevocation, ADeletedRoleIsADenial) {
  server_.admin.must("DELETE", "auth/approle/role/acme");
  expect_probe(Fault::denied);
}

TEST_F(VaultRevocation, AnAuthMethodThatIsGoneIsADenial) {
  server_.admin.must("DELETE", "sys/auth/approle");
  expect_probe(Fault::denied);
}

TEST_F(VaultRevocation, ARaisedMinimumVersionDisablesUntilItIsLowered) {
  server_.ask("key-rotate", {{"name", "acme"}});
  server_.ask("key-min-version", {{"name", "acme"}, {"version", 2}});
  expect_probe(Fault::disabled);
  server_.ask("key-min-version", {{"name", "acme"}, {"version", 1}});
  EXPECT_TRUE(probe().has_value());
}

TEST_F(VaultRevocation, ADeletedKeyIsNotFound) {
  server_.admin.must("POST", "transit/keys/acme/config", {{"deletion_allowed", true}});
  server_.admin.must("DELETE", "transit/keys/acme");
  expect_probe(Fault::not_found);
}

TEST_F(VaultRevocation, ASealedVaultIsAnOutage) {
  server_.ask("seal");
  expect_probe(Fault::unavailable);
  server_.ask("unseal");
  EXPECT_TRUE(probe().has_value());
}

TEST_F(VaultRevocation, AChangeIsJudgedByAfterThePropagationDelay) {
  server_.cloud.must("PUT", "propagation", {{"delay_ms", 3'600'000}});
  server_.ask("policy-revoke", {{"name", "acme"}});
  EXPECT_TRUE(probe().has_value());
}

TEST_F(VaultRevocation, ADisabledKeyIsDisabledUntilItIsEnabled) {
  EXPECT_EQ(client_->describe(soon()).value().state, KeyState::enabled);
  server_.ask("key-disable", {{"name", "acme"}});
  expect_probe(Fault::disabled);
  EXPECT_EQ(client_->describe(soon()).value().state, KeyState::disabled);
  server_.ask("key-enable", {{"name", "acme"}});
  EXPECT_TRUE(probe().has_value());
}

// The policy is judged at every request: a session that is kept is no way around it.
TEST_F(VaultRevocation, APolicyTakenAwayBindsTheKeptToken) {
  ASSERT_TRUE(client_->unwrap(ciphertext_, {}, soon()).has_value());
  server_.ask("policy-revoke", {{"name", "acme"}});
  const auto unwrapped = client_->unwrap(ciphertext_, {}, soon());
  ASSERT_FALSE(unwrapped.has_value());
  EXPECT_EQ(unwrapped.error().fault(), Fault::denied);
}

TEST_F(VaultRevocation, APolicyThatLostOneCapabilityIsADenialOfThatOperation) {
  const Json narrow = {{"path", {{"transit/decrypt/acme", {{"capabilities", {"update"}}}}}}};
  server_.ask("policy-grant", {{"name", "acme"}, {"policy", narrow}});
  EXPECT_TRUE(probe().has_value());
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  EXPECT_EQ(client_->wrap(key, {}, soon()).error().fault(), Fault::denied);
  EXPECT_EQ(client_->describe(soon()).error().fault(), Fault::denied);
}

// Nobody can tell whether it ended or was taken away: not the customer's word alone.
TEST_F(VaultRevocation, ARevokedTokenOfOursIsAmbiguous) {
  const Json made = server_.admin.must("POST", "auth/token/create", {{"policies", {"acme"}}});
  const std::string token = made["auth"]["client_token"];
  spec_.auth_principal = AuthPrincipal("token");
  environment_.variables["VAULT_TOKEN"] = token;
  client_ = VaultClient::create(spec_, environment_, server_.cloud.clock()).value();
  ASSERT_TRUE(probe().has_value());
  server_.ask("token-revoke", {{"token", token}});
  expect_probe(Fault::ambiguous);
}

TEST_F(VaultRevocation, WhatGoesWrongOnTheWayIsNoDenial) {
  const std::pair<const char*, Fault> rows[] = {
      {"throttle", Fault::throttled},  {"error", Fault::unavailable},
      {"cut", Fault::unavailable},     {"truncate", Fault::unavailable},
      {"garbage", Fault::unavailable}, {"proxy", Fault::unavailable}};
  for (const char* operation : {"auth/approle", "transit/decrypt"}) {
    for (const auto& [kind, fault] : rows) {
      SCOPED_TRACE(std::string(operation) + " " + kind);
      set_fault({{"kind", kind}, {"operation", operation}});
      expect_probe(fault);
      clear_faults();
    }
  }
  EXPECT_TRUE(probe().has_value());
}

TEST_F(VaultRevocation, ARefusalOfTheServiceIsADenialAtEitherStep) {
  for (const char* operation : {"auth/approle", "transit/decrypt"}) {
    SCOPED_TRACE(operation);
    set_fault({{"kind", "deny"}, {"operation", operation}});
    expect_probe(Fault::denied);
    clear_faults();
  }
  set_fault({{"kind", "disable"}, {"operation", "transit/decrypt"}});
  expect_probe(Fault::disabled);
}

TEST_F(VaultRevocation, AnAnswerAfterTheDeadlineIsAnOutage) {
  set_fault({{"kind", "delay"}, {"delay_ms", 2000}, {"operation", "transit/decrypt"}});
  const auto probed = client_->probe(
      ciphertext_, {}, Deadline::after(system_clock(), std::chrono::milliseconds(300)));
  ASSERT_FALSE(probed.has_value());
  EXPECT_EQ(probed.error().fault(), Fault::unavailable) << probed.error().message();
}

TEST_F(VaultRevocation, AWrongKeyIsNotTheOneThatWasWrapped) {
  set_fault({{"kind", "wrong-key"}});
  const auto unwrapped = client_->unwrap(ciphertext_, {}, soon());
  ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  const auto access = crypto::SecretAccess::grant();
  EXPECT_FALSE(
      crypto::equal_constant_time(unwrapped->key.bytes(access), wrapped_key_.bytes(access)));
  clear_faults();
  const auto again = client_->unwrap(ciphertext_, {}, soon());
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_TRUE(crypto::equal_constant_time(again->key.bytes(access), wrapped_key_.bytes(access)));
}

}  // namespace
}  // namespace keyhold::kms
