#include "kms/aws/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyhold::kms::aws {
namespace {

using testing::HasSubstr;
using Outcome = Foretold::Outcome;

constexpr const char* kRole = "arn:aws:iam::111122223333:role/keyhold";
constexpr const char* kOwn = "arn:aws:sts::444455556666:assumed-role/cluster/i-0123";
constexpr const char* kKey = "arn:aws:kms:us-east-1:111122223333:key/1234";

Parties parties() {
  return {.roles = {{.role_arn = kRole, .external_id = "acme", .session_name = {}}},
          .own = kOwn,
          .key_arn = kKey};
}

WrapContext context() {
  WrapContext context;
  context.org = OrgId("acme");
  return context;
}

std::string key_policy(const std::string& principal, const std::string& more = "") {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" +
         principal +
         R"("},"Action":["kms:Encrypt","kms:Decrypt","kms:DescribeKey"],"Resource":"*")" + more +
         "}]}";
}

const Foretold& row_of(const std::vector<Foretold>& rows, const std::string& action) {
  for (const Foretold& row : rows) {
    if (row.action == action) return row;
  }
  ADD_FAILURE() << "no row for " << action;
  return rows.front();
}

TEST(AwsGrants, WhatIsPastedIsWhatWouldBeEnough) {
  std::vector<Grant> grants = login_grants(parties().roles.back(), kOwn);
  grants.push_back(key_grants(parties()).at(0));
  ASSERT_EQ(grants.size(), 3U);
  EXPECT_THAT(grants[0].text, HasSubstr("\"sts:ExternalId\": \"acme\""));
  EXPECT_THAT(grants[0].text, HasSubstr("arn:aws:iam::444455556666:role/cluster"));
  EXPECT_THAT(grants[1].place, HasSubstr("arn:aws:iam::444455556666:role/cluster"));
  const auto trust = foretell(grants[0].text, parties(), context());
  ASSERT_TRUE(trust);
  // Of another account: its IAM has a say too.
  EXPECT_EQ(trust->at(0).outcome, Outcome::depends);
  EXPECT_THAT(trust->at(0).reason, HasSubstr("an IAM policy of arn:aws:iam::444455556666"));
  EXPECT_EQ(trust->at(1).outcome, Outcome::refused);  // without the external id
  const std::string policy = R"({"Version":"2012-10-17","Statement":[)" + grants[2].text + "]}";
  const auto key = foretell(policy, parties(), context());
  ASSERT_TRUE(key);
  for (const Foretold& row : *key) {
    EXPECT_EQ(row.outcome, row.needed ? Outcome::allowed : Outcome::refused) << row.action;
  }
}

TEST(AwsGrants, AnUnknownOwnPrincipalIsAPlaceholder) {
  EXPECT_THAT(login_grants(parties().roles.back(), "")[0].text,
              HasSubstr("ARN-OF-THE-CLUSTERS-OWN-PRINCIPAL"));
}

TEST(AwsGrants, OnlyConditionsOfWhatIsAskedForCount) {
  const auto rows = foretell(
      R"({"Version":"2012-10-17","Statement":[
          {"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"},
          {"Effect":"Allow","Principal":"*","Action":"kms:ListGrants","Resource":"*",
           "Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}]})",
      parties(), context());
  ASSERT_TRUE(rows);
  EXPECT_EQ(row_of(*rows, "kms:Decrypt").outcome, Outcome::refused);
}

TEST(AwsGrants, AnUnconditionalDenyDependsOnNothing) {
  const auto rows = foretell(
      R"({"Version":"2012-10-17","Statement":[
          {"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*"},
          {"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*",
           "Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}]})",
      parties(), context());
  ASSERT_TRUE(rows);
  EXPECT_EQ(row_of(*rows, "kms:Decrypt").outcome, Outcome::refused);
  EXPECT_EQ(row_of(*rows, "kms:Encrypt").outcome, Outcome::depends);
}

TEST(AwsGrants, ATrustPolicyForAllOfStsIsOne) {
  const auto rows = foretell(
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*",
          "Principal":{"AWS":"arn:aws:iam::444455556666:role/cluster"}}})",
      parties(), context());
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->at(0).outcome, Outcome::depends);
  // Without a condition on it, whoever names no external id is let in too.
  EXPECT_EQ(rows->at(1).outcome, Outcome::depends);
}

TEST(AwsGrants, APolicyForTheAccountDependsOnIam) {
  const auto rows = foretell(key_policy("arn:aws:iam::111122223333:root"), parties(), context());
  ASSERT_TRUE(rows);
  const Foretold& row = row_of(*rows, "kms:Decrypt");
  EXPECT_EQ(row.outcome, Outcome::depends);
  EXPECT_THAT(row.reason, HasSubstr(kRole));
}

TEST(AwsGrants, ConditionsAreJudgedByWhatKeyholdSends) {
  const auto judged = [](const std::string& condition) {
    const auto rows =
        foretell(key_policy(kRole, R"(,"Condition":)" + condition), parties(), context());
    EXPECT_TRUE(rows);
    return row_of(*rows, "kms:Decrypt");
  };
  EXPECT_EQ(judged(R"({"StringEquals":{"kms:EncryptionContext:org":"acme"}})").outcome,
            Outcome::allowed);
  EXPECT_EQ(judged(R"({"StringEquals":{"kms:EncryptionContext:org":"other"}})").outcome,
            Outcome::refused);
  EXPECT_EQ(judged(R"({"StringEquals":{"kms:EncryptionContext:purpose":"restore"}})").outcome,
            Outcome::refused);
  const Foretold depends = judged(R"({"StringEquals":{"aws:SourceVpce":"vpce-1"}})");
  EXPECT_EQ(depends.outcome, Outcome::depends);
  EXPECT_THAT(depends.reason, HasSubstr("aws:sourcevpce"));
}

TEST(AwsGrants, PowersThatKeyholdShouldNotHaveAreTold) {
  const auto rows = foretell(R"({"Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}})",
                             parties(), context());
  ASSERT_TRUE(rows);
  const Foretold& row = row_of(*rows, "kms:ScheduleKeyDeletion");
  EXPECT_EQ(row.outcome, Outcome::depends);
  EXPECT_THAT(row.reason, HasSubstr("the key policy of"));
  EXPECT_FALSE(row.needed);
}

TEST(AwsGrants, WhatIsNoPolicyIsAConfigurationFault) {
  for (const char* text :
       {"", "{", "{}", R"({"Statement":{"Effect":"Maybe"}})",
        R"({"Statement":{"Effect":1,"Action":"kms:*","Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","NotAction":5,"Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":["kms:*",5],"Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"kms:*",
                              "Resource":"arn:aws:kms:*:${aws:PrincipalAccount}:key/*"}})",
        R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*",
                              "Condition":{"NumericEquals":{"aws:x":"1"}}}})"}) {
    const auto rows = foretell(text, parties(), context());
    ASSERT_FALSE(rows) << text;
    EXPECT_EQ(rows.error().fault(), Fault::configuration) << text;
  }
}

}  // namespace
}  // namespace keyhold::kms::aws
