// A chain of roles with an external id a hop, as AWS enforces it: a hub of the operator's, and the
// customer's role that trusts the hub alone.
#include "test_aws_revocation.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

class AwsChain : public AwsRevocation {
 protected:
  AwsChain() {
    const std::string hub_trust =
        trust("arn:aws:iam::" + world_.operator_account() + ":user/keyhold", "hub-id");
    const Json may_assume = {
        {"Version", "2012-10-17"},
        {"Statement",
         Json::array(
             {{{"Effect", "Allow"}, {"Action", "sts:AssumeRole"}, {"Resource", world_.role()}}})}};
    hub_ = world_.cloud().aws("create-role", {{"account", world_.operator_account()},
                                              {"name", "hub"},
                                              {"trust", Json::parse(hub_trust)},
                                              {"policy", may_assume}})["arn"];
    world_.cloud().aws("put-trust",
                       {{"role", world_.role()}, {"trust", Json::parse(trust(hub_, kOrg))}});
    go_by("hub-id");
  }
  static std::string trust(const std::string& principal, const std::string& external_id) {
    return Json{
        {"Version", "2012-10-17"},
        {"Statement",
         Json::array({{{"Effect", "Allow"},
                       {"Principal", {{"AWS", principal}}},
                       {"Action", "sts:AssumeRole"},
                       {"Condition", {{"StringEquals", {{"sts:ExternalId", external_id}}}}}}})}}
        .dump();
  }
  void go_by(const std::string& external_id) {
    spec_.auth_principal =
        AuthPrincipal(hub_ + ";external_id=" + external_id + "," + world_.role());
  }

  std::string hub_;
};

TEST_F(AwsChain, EachHopHasItsOwnExternalId) {
  wrap();
  EXPECT_TRUE(probe().has_value());
}

TEST_F(AwsChain, TheCustomersTrustTakenAwayIsADenial) {
  wrap();
  world_.set_trust(false);
  expect_probe(Fault::denied, "AssumeRole " + world_.role());
}

TEST_F(AwsChain, AnotherOrganizationIsRefusedByTheCustomersRole) {
  wrap();
  client_ = client_for("org-2");
  expect_probe(Fault::denied, "AssumeRole " + world_.role());
}

// The operator's own trouble: no store is sealed for it as if the customer had revoked.
TEST_F(AwsChain, ARefusalOnTheWayIsNotTheCustomersWord) {
  wrap();
  go_by("wrong");
  client_ = client_for(kOrg);
  expect_probe(Fault::configuration, "on the way to " + world_.role());
  world_.cloud().aws("delete-role", {{"role", hub_}});
  go_by("hub-id");
  client_ = client_for(kOrg);
  expect_probe(Fault::configuration, "AssumeRole " + hub_);
}

TEST_F(AwsChain, ACheckNamesTheHopThatRefusesAndWhatItLacks) {
  go_by("wrong");
  const auto steps = client_for(kOrg)->walk_logins(soon());
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[1].name, "assume " + hub_);
  ASSERT_TRUE(steps[1].refusal);
  EXPECT_NE(steps[1].refusal->message().find("external id wrong"), std::string::npos);
  ASSERT_EQ(steps[1].missing.size(), 2U);
  EXPECT_EQ(steps[1].missing[0].place, "the trust policy of " + hub_);
  EXPECT_NE(steps[1].missing[0].text.find(":user/keyhold"), std::string::npos);
}

}  // namespace
}  // namespace keyhold::kms
