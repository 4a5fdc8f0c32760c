#include "kms/gcp/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyhold::kms::gcp {
namespace {

using testing::HasSubstr;
using Outcome = Foretold::Outcome;

constexpr const char* kTheirs = "keyhold@customer.iam.gserviceaccount.com";
constexpr const char* kOwn = "cluster@operator.iam.gserviceaccount.com";

Parties parties() {
  return {.chain = {kTheirs},
          .own = kOwn,
          .key = "projects/customer/locations/europe/keyRings/ring/cryptoKeys/orders"};
}

std::string binding(const std::string& role, const std::string& member,
                    const std::string& more = "") {
  return R"({"role":")" + role + R"(","members":[")" + member + R"("])" + more + "}";
}
std::string policy_of(const std::string& bindings) {
  return R"({"version":3,"bindings":[)" + bindings + "]}";
}

std::vector<Outcome> outcomes(const std::string& policy) {
  const auto rows = foretell(policy, parties());
  EXPECT_TRUE(rows);
  std::vector<Outcome> out;
  if (!rows) return out;
  for (const Foretold& row : *rows) out.push_back(row.outcome);
  return out;
}

TEST(GcpGrants, CommandsNameKeyAccountAndRole) {
  std::vector<Grant> grants = login_grants(parties());
  grants.push_back(key_grants(parties()).at(0));
  EXPECT_THAT(grants[0].text, HasSubstr("gcloud iam service-accounts add-iam-policy-binding " +
                                        std::string(kTheirs) + " --project=customer"));
  EXPECT_THAT(grants[0].text, HasSubstr("--member=serviceAccount:" + std::string(kOwn)));
  EXPECT_THAT(grants[0].text, HasSubstr("roles/iam.serviceAccountTokenCreator"));
  EXPECT_THAT(grants[1].text,
              HasSubstr("--project=customer --location=europe --keyring=ring orders"));
  EXPECT_THAT(grants[1].text, HasSubstr("roles/cloudkms.cryptoKeyEncrypterDecrypter"));
}

TEST(GcpGrants, RolesOfTheAccountAreWhatCounts) {
  const std::string member = "serviceAccount:" + std::string(kTheirs);
  const auto enough =
      outcomes(policy_of(binding("roles/cloudkms.cryptoKeyEncrypterDecrypter", member) + "," +
                         binding("roles/cloudkms.viewer", member)));
  EXPECT_EQ(enough, (std::vector{Outcome::allowed, Outcome::allowed, Outcome::allowed,
                                 Outcome::refused, Outcome::refused}));
  const auto other = outcomes(policy_of(
      binding("roles/cloudkms.cryptoKeyDecrypter", member) + "," +
      binding("roles/cloudkms.viewer", "serviceAccount:other@x.iam.gserviceaccount.com")));
  EXPECT_EQ(other, (std::vector{Outcome::refused, Outcome::allowed, Outcome::refused,
                                Outcome::refused, Outcome::refused}));
  EXPECT_EQ(outcomes(policy_of(binding("roles/owner", member))),
            (std::vector(5, Outcome::allowed)));
}

TEST(GcpGrants, GroupsConditionsAndCustomRolesDepend) {
  const std::string member = "serviceAccount:" + std::string(kTheirs);
  const char* const role = "roles/cloudkms.cryptoKeyEncrypter";
  EXPECT_EQ(outcomes(policy_of(binding(role, "group:ops@customer.example"))).front(),
            Outcome::depends);
  EXPECT_EQ(
      outcomes(policy_of(binding(role, member, R"(,"condition":{"expression":"false"})"))).front(),
      Outcome::depends);
  EXPECT_EQ(outcomes(policy_of(binding("projects/customer/roles/mine", member))).front(),
            Outcome::depends);
}

TEST(GcpGrants, TheAccountsPolicyIsToldByItsRoles) {
  const auto rows = foretell(policy_of(binding("roles/iam.serviceAccountTokenCreator",
                                               "serviceAccount:" + std::string(kOwn))),
                             parties());
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->front().action, "iam.serviceAccounts.getAccessToken");
  EXPECT_EQ(rows->front().outcome, Outcome::allowed);
}

TEST(GcpGrants, WhatIsNoPolicyIsAConfigurationFault) {
  for (const char* text : {"", "[]", "{}", R"({"bindings":3})", R"({"bindings":[3]})",
                           R"({"bindings":[{"role":5,"members":[]}]})",
                           R"({"bindings":[{"role":"roles/owner","members":"x"}]})"}) {
    const auto rows = foretell(text, parties());
    ASSERT_FALSE(rows) << text;
    EXPECT_EQ(rows.error().fault(), Fault::configuration);
  }
}

}  // namespace
}  // namespace keyhold::kms::gcp
