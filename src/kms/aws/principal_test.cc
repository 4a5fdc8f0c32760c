#include "kms/aws/principal.h"

#include <gtest/gtest.h>

namespace keyhold::kms::aws {
namespace {

using cloud::aws::RoleHop;

const OrgId kOrg("org-1");
const std::string kRole = "arn:aws:iam::111122223333:role/keyhold";

RoleHop hop(const std::string& role, const std::string& id) {
  return {.role_arn = role, .external_id = id, .session_name = {}};
}

TEST(AwsPrincipal, TheCustomersRoleIsAssumedWithTheOrganizationsId) {
  EXPECT_EQ(parse_principal(kRole, kOrg).value(), (std::vector{hop(kRole, "org-1")}));
  EXPECT_TRUE(parse_principal("", OrgId()).value().empty());
}

TEST(AwsPrincipal, AChainHasAnExternalIdAHop) {
  const std::string first = "arn:aws:iam::444455556666:role/a,b=c";
  EXPECT_EQ(parse_principal(first + ";external_id=x:1," + kRole, kOrg).value(),
            (std::vector{hop(first, "x:1"), hop(kRole, "org-1")}));
  EXPECT_EQ(parse_principal(first + "," + kRole, kOrg).value(),
            (std::vector{hop(first, "org-1"), hop(kRole, "org-1")}));
}

// The confused deputy: a key spec that names another organization's role, with its external id.
TEST(AwsPrincipal, NothingOverridesTheOrganizationsId) {
  const auto refused = parse_principal(kRole + ";external_id=org-2", kOrg);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message().find("organization's id only"), std::string::npos);
}

TEST(AwsPrincipal, WithoutAnOrganizationThereIsNoRole) {
  for (const OrgId& org : {OrgId(), OrgId("x"), OrgId("with space"), OrgId("a\nb")}) {
    const auto refused = parse_principal(kRole, org);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Code::invalid_argument);
    EXPECT_NE(refused.error().message().find("external id"), std::string::npos);
  }
}

TEST(AwsPrincipal, WhatIsNoneSaysHowOneLooks) {
  for (const std::string& text :
       {std::string("keyhold"), std::string("arn:aws:iam::111122223333:user/u"),
        std::string("arn:aws:iam::111122223333:role/"), std::string("arn:aws:iam:::role/r"),
        std::string("arn:aws:sts::111122223333:assumed-role/r/s"), kRole + ", " + kRole,
        kRole + ";session=x," + kRole, kRole + ";external_id=," + kRole,
        kRole + ";external_id=a b," + kRole,
        kRole + "," + kRole + "," + kRole + "," + kRole + "," + kRole}) {
    const auto refused = parse_principal(text, kOrg);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  }
}

}  // namespace
}  // namespace keyhold::kms::aws
