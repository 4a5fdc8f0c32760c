// AWS KMS against devcloud, which enforces what AWS does: signatures, sessions, trust, policies.
#include "kms/kms_conformance.h"
#include "test_aws_revocation.h"

namespace keyhold::kms {
namespace {

using aws::AwsAdapter;
using Json = nlohmann::json;

class DevcloudAdapter final : private AwsWorld, public AwsAdapter {
 public:
  DevcloudAdapter() : AwsWorld(kOrg), AwsAdapter(account(), environment(), cloud().clock()) {}
  void pass_deletion_date() override { cloud().clock().move(std::chrono::days(8)); }
  [[nodiscard]] std::string lacks(const std::string&) const override { return {}; }
};

std::unique_ptr<KmsAdapter> devcloud() {
  return std::make_unique<DevcloudAdapter>();
}

INSTANTIATE_TEST_SUITE_P(AwsOfDevcloud, KmsConformance, testing::Values(&devcloud));

TEST_F(AwsRevocation, TrustTakenAwayIsADenialWhileASessionStillLives) {
  wrap();
  world_.set_trust(false);
  EXPECT_TRUE(client_->unwrap(ciphertext_, {}, soon()).has_value());
  expect_probe(Fault::denied, "AssumeRole " + world_.role());
}

TEST_F(AwsRevocation, AnAliasThatIsMovedOrDeletedOpensNothing) {
  world_.on_key("CreateAlias", {{"AliasName", "alias/orders"}, {"TargetKeyId", world_.key_arn()}});
  spec_.uri = KeyUri("arn:aws:kms:us-east-1:" + world_.customer() + ":alias/orders");
  wrap();
  const Json policy = world_.on_key("GetKeyPolicy");
  const Json second = world_.on_key("CreateKey", {{"Policy", policy["Policy"]}});
  world_.on_key("UpdateAlias",
                {{"AliasName", "alias/orders"}, {"TargetKeyId", second["KeyMetadata"]["KeyId"]}});
  expect_probe(Fault::malformed);
  world_.on_key("DeleteAlias", {{"AliasName", "alias/orders"}});
  expect_probe(Fault::not_found);
}

TEST_F(AwsRevocation, ADeletedRoleIsADenial) {
  wrap();
  world_.cloud().aws("delete-role", {{"role", world_.role()}});
  expect_probe(Fault::denied, "AssumeRole " + world_.role());
}

TEST_F(AwsRevocation, ARoleTakenOutOfTheKeyPolicyIsADenialThatNamesTheGrant) {
  wrap();
  const Json policy = {
      {"Version", "2012-10-17"},
      {"Statement",
       Json::array({{{"Effect", "Allow"},
                     {"Principal", {{"AWS", "arn:aws:iam::" + world_.customer() + ":root"}}},
                     {"Action", "kms:*"},
                     {"Resource", "*"}}})}};
  world_.on_key("PutKeyPolicy", {{"PolicyName", "default"}, {"Policy", policy.dump()}});
  expect_probe(Fault::denied, "kms:Decrypt");
}

TEST_F(AwsRevocation, ADisabledKeyIsADenialUntilItIsEnabled) {
  wrap();
  world_.on_key("DisableKey");
  expect_probe(Fault::disabled);
  world_.on_key("EnableKey");
  EXPECT_TRUE(probe().has_value());
}

TEST_F(AwsRevocation, AnotherOrganizationCannotMakeUsUseTheRole) {
  wrap();
  client_ = client_for("org-2");
  expect_probe(Fault::denied, "AssumeRole");
}

TEST_F(AwsRevocation, OurOwnWrongSecretIsNotTheCustomersWord) {
  wrap();
  world_.environment().variables["AWS_SECRET_ACCESS_KEY"] = "wrong";
  expect_probe(Fault::configuration, "SignatureDoesNotMatch");
  world_.environment().variables["AWS_ACCESS_KEY_ID"] = "AKIANOBODY";
  expect_probe(Fault::configuration, "InvalidClientTokenId");
}

// Its date, not ours, is moved: the client's signatures look old.
TEST_F(AwsRevocation, ASkewedClockIsAnOutage) {
  wrap();
  world_.cloud().must("PUT", "clock", {{"offset_ms", 620'000}});
  expect_probe(Fault::unavailable, "s behind AWS's");
}

TEST_F(AwsRevocation, WhatGoesWrongOnTheWayIsNoDenial) {
  wrap();
  const std::pair<const char*, Fault> rows[] = {
      {"throttle", Fault::throttled},  {"error", Fault::unavailable},
      {"cut", Fault::unavailable},     {"truncate", Fault::unavailable},
      {"garbage", Fault::unavailable}, {"proxy", Fault::unavailable}};
  for (const char* service : {"kms", "sts"}) {
    for (const auto& [kind, fault] : rows) {
      SCOPED_TRACE(std::string(service) + " " + kind);
      world_.cloud().must("POST", "faults", {{"service", service}, {"kind", kind}});
      const auto probed = probe();
      world_.cloud().must("DELETE", "faults", Json::object());
      ASSERT_FALSE(probed.has_value());
      EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
    }
  }
  EXPECT_TRUE(probe().has_value());
}

TEST_F(AwsRevocation, AServerOfAnotherAuthorityIsAnOutageThatSaysSo) {
  wrap();
  const TestDevcloud another;
  spec_.ca_file = another.ca_file();
  client_ = client_for(kOrg);
  const auto probed = probe();
  ASSERT_FALSE(probed.has_value());
  EXPECT_EQ(probed.error().fault(), Fault::unavailable);
  EXPECT_NE(probed.error().message().find("certificate"), std::string::npos)
      << probed.error().message();
}

TEST_F(AwsRevocation, ANameThatNobodyHasIsAnOutage) {
  wrap();
  spec_.endpoint = "https://kms.invalid";
  client_ = client_for(kOrg);
  const auto probed = probe();
  ASSERT_FALSE(probed.has_value());
  EXPECT_EQ(probed.error().fault(), Fault::unavailable);
}

TEST_F(AwsRevocation, ASlowAnswerEndsByTheDeadline) {
  wrap();
  for (const char* service : {"kms", "sts"}) {
    world_.cloud().must("POST", "faults",
                        {{"service", service}, {"kind", "delay"}, {"delay_ms", 30'000}});
    const BootTime asked = world_.cloud().clock().boot_now();
    const auto probed = client_->probe(
        ciphertext_, {}, Deadline::after(world_.cloud().clock(), std::chrono::milliseconds(300)));
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), Fault::unavailable);
    EXPECT_LT(world_.cloud().clock().boot_now() - asked, std::chrono::seconds(10));
    world_.cloud().must("DELETE", "faults", Json::object());
  }
}

// At the finest level, over each step and each way that it fails.
TEST_F(AwsRevocation, NothingSecretIsLoggedOrSaid) {
  std::string said;
  log::set_level(log::Level::debug);
  log::set_sink([&](log::Level, std::string_view message) { said.append(message); });
  wrap();
  for (const char* kind : {"deny", "throttle", "error", "garbage", "truncate", "proxy"}) {
    world_.cloud().must("POST", "faults", {{"service", "kms"}, {"kind", kind}});
    if (const auto probed = probe(); !probed) said += probed.error().message();
    world_.cloud().must("DELETE", "faults", Json::object());
  }
  for (const LoginStep& step : client_->walk_logins(soon())) said += step.name + step.detail;
  log::set_sink({});
  log::set_level(log::Level::info);
  EXPECT_EQ(said.find(world_.environment().variables["AWS_SECRET_ACCESS_KEY"]), std::string::npos);
  EXPECT_EQ(said.find(to_base64(ciphertext_)), std::string::npos);
  EXPECT_EQ(said.find("X-Amz-Security-Token"), std::string::npos);
}

TEST_F(AwsRevocation, ARefusalOfTheServiceIsADenialAtEitherStep) {
  wrap();
  for (const char* service : {"kms", "sts"}) {
    world_.cloud().must("POST", "faults", {{"service", service}, {"kind", "deny"}});
    expect_probe(Fault::denied);
    world_.cloud().must("DELETE", "faults", Json::object());
  }
}

class AwsReplicas : public AwsRevocation {
 protected:
  AwsReplicas() : AwsRevocation({"eu-west-1"}) {
    spec_.uri = KeyUri(spec_.uri.str() + "?replicas=eu-west-1");
  }
};

TEST_F(AwsReplicas, TheNodesReplicaOpensWhatThePrimaryWrapped) {
  wrap();
  client_ = client_for(kOrg, "eu-west-1");
  EXPECT_TRUE(probe().has_value());
  const auto far = client_->describe(soon());
  ASSERT_TRUE(far.has_value()) << far.error().message();
  EXPECT_EQ(far->primary_version, client_for(kOrg)->describe(soon())->primary_version);
}

}  // namespace
}  // namespace keyhold::kms
