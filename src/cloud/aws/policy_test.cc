#include "cloud/aws/policy.h"

#include <gtest/gtest.h>

namespace keyhold::cloud::aws {
namespace {

constexpr const char* kRole = "arn:aws:iam::111122223333:role/keyhold";
constexpr const char* kKey = "arn:aws:kms:us-east-1:111122223333:key/1";

Principal role() {
  Principal principal;
  principal.account = "111122223333";
  principal.arn = kRole;
  principal.id = "AROA1";
  principal.session_arn = "arn:aws:sts::111122223333:assumed-role/keyhold/node";
  return principal;
}

std::string statement(const std::string& more, const std::string& effect = "Allow") {
  return "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"" + effect + "\"," + more + "}}";
}

PolicyVerdict judge(const std::string& more, std::multimap<std::string, std::string> context = {}) {
  const Principal principal = role();
  return judge_resource_policy({statement(more), {}},
                               {principal, "kms:Decrypt", kKey, std::move(context)});
}

bool allows(const std::string& more, std::multimap<std::string, std::string> context = {}) {
  return judge(more, std::move(context)).allow_account;
}

std::string for_all(const std::string& more) {
  return "\"Principal\":\"*\"," + more;
}
std::string when(const std::string& condition) {
  return for_all(R"("Action":"kms:*","Condition":)" + condition);
}

TEST(Policy, PrincipalIsMatchedByEachOfItsNames) {
  const std::string action = R"(,"Action":"*")";
  for (const std::string name :
       {kRole, "arn:aws:sts::111122223333:assumed-role/keyhold/node", "*"}) {
    EXPECT_TRUE(judge(R"("Principal":{"AWS":")" + name + "\"}" + action).allow_directly) << name;
  }
  for (const std::string name : {"111122223333", "arn:aws:iam::111122223333:root"}) {
    const PolicyVerdict verdict = judge(R"("Principal":{"AWS":")" + name + "\"}" + action);
    EXPECT_TRUE(verdict.allow_account) << name;
    EXPECT_FALSE(verdict.allow_directly) << name;
  }
  for (const std::string name : {"arn:aws:iam::111122223333:role/other", "444455556666",
                                 "arn:aws:sts::111122223333:assumed-role/keyhold/other",
                                 "arn:aws:iam::111122223333:role/*"}) {
    EXPECT_FALSE(allows(R"("Principal":{"AWS":")" + name + "\"}" + action)) << name;
  }
  EXPECT_FALSE(allows(R"("Principal":{"Service":"ec2.amazonaws.com"})" + action));
}

TEST(Policy, PinnedPrincipalIsTheOneOfThen) {
  const Principal principal = role();
  const std::string text =
      statement(R"("Principal":{"AWS":")" + std::string(kRole) + R"("},"Action":"*")");
  const PolicyRequest request{principal, "kms:Decrypt", kKey, {}};
  EXPECT_TRUE(judge_resource_policy({text, {{kRole, "AROA1"}}}, request).allow_directly);
  EXPECT_FALSE(judge_resource_policy({text, {{kRole, "AROA0"}}}, request).allow_account);
}

TEST(Policy, ActionsAndResourcesAreMatchedWithWildcards) {
  EXPECT_TRUE(allows(for_all(R"("Action":["s3:Get","KMS:decrypt"])")));
  EXPECT_TRUE(allows(for_all(R"("Action":"kms:De*","Resource":"arn:aws:kms:*:key/1")")));
  EXPECT_FALSE(allows(for_all(R"("Action":"kms:Encrypt")")));
  EXPECT_FALSE(allows(for_all(R"("Action":"*","Resource":"arn:aws:kms:us-east-1:*:key/2")")));
  EXPECT_TRUE(allows(for_all(R"("NotAction":"kms:Encrypt")")));
  EXPECT_FALSE(allows(for_all(R"("NotAction":"kms:*")")));
  EXPECT_FALSE(allows(for_all(R"("Action":"*","NotResource":"*")")));
}

TEST(Policy, DenyIsToldBesideTheAllow) {
  const Principal principal = role();
  const std::string text = R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"},)"
                           R"({"Effect":"Deny","Principal":"*","Action":"kms:Decrypt"}]})";
  const PolicyVerdict verdict =
      judge_resource_policy({text, {}}, {principal, "kms:Decrypt", kKey, {}});
  EXPECT_TRUE(verdict.deny);
  EXPECT_TRUE(verdict.allow_directly);
}

TEST(Policy, StringConditions) {
  const std::multimap<std::string, std::string> context = {
      {"kms:encryptioncontext:org", "acme"},
      {"kms:encryptioncontextkeys", "org"},
      {"kms:encryptioncontextkeys", "purpose"}};
  for (const char* holds : {
           R"({"StringEquals":{"kms:EncryptionContext:org":["x","acme"]}})",
           R"({"StringEquals":{"kms:encryptioncontext:ORG":"acme"}})",
           R"({"StringNotEquals":{"kms:EncryptionContext:org":"x"}})",
           R"({"StringNotEquals":{"kms:EncryptionContext:none":"x"}})",
           R"({"StringEqualsIgnoreCase":{"kms:EncryptionContext:org":"ACME"}})",
           R"({"StringLike":{"kms:EncryptionContext:org":"a?m*"}})",
           R"({"StringNotLike":{"kms:EncryptionContext:org":"b*"}})",
           R"({"StringEqualsIfExists":{"kms:EncryptionContext:none":"x"}})",
           R"({"Null":{"kms:EncryptionContext:none":"true"}})",
           R"({"Null":{"kms:EncryptionContext:org":false}})",
           R"({"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"org"}})",
           R"({"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["org","purpose"]}})",
           R"({"ForAllValues:StringEquals":{"kms:None":"x"}})",
       }) {
    EXPECT_TRUE(allows(when(holds), context)) << holds;
  }
  for (const char* fails : {
           R"({"StringEquals":{"kms:EncryptionContext:org":"Acme"}})",
           R"({"StringEquals":{"kms:EncryptionContext:none":"x"}})",
           R"({"StringNotEquals":{"kms:EncryptionContext:org":["x","acme"]}})",
           R"({"StringLike":{"kms:EncryptionContext:org":"a?me?"}})",
           R"({"Null":{"kms:EncryptionContext:org":"true"}})",
           R"({"Bool":{"aws:SecureTransport":"true"}})",
           R"({"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"cluster"}})",
           R"({"ForAnyValue:StringEquals":{"kms:None":"x"}})",
           R"({"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"org"}})",
           R"({"StringEquals":{"kms:EncryptionContext:org":"acme"},"Null":{"kms:None":"false"}})",
       }) {
    EXPECT_FALSE(allows(when(fails), context)) << fails;
  }
}

TEST(Policy, WhatIsNotUnderstoodIsRefusedWhenSaved) {
  EXPECT_FALSE(wrong_policy(statement(for_all(R"("Action":"*")")), true));
  EXPECT_FALSE(wrong_policy(statement(R"("Action":"*")"), false));
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("{\"Statement\":[]}"),
        std::string(
            R"({"Version":"1999","Statement":{"Effect":"Allow","Principal":"*","Action":"*"}})"),
        statement(for_all(R"("Action":"*")"), "Perhaps"), statement(for_all(R"("Resource":"*")")),
        statement(for_all(R"("Action":"*","NotAction":"*")")),
        statement(for_all(R"("Action":"*","Ation":"*")")), statement(R"("Action":"*")"),
        statement(R"("Principal":{"Canonical":"x"},"Action":"*")"),
        statement(R"("Principal":{"AWS":[]},"Action":"*")"),
        statement(when(R"({"NumericEquals":{"aws:x":"1"}})")),
        statement(when(R"({"StringEquals":{"nocolon":"1"}})")),
        statement(when(R"({"StringEquals":{"aws:x":[]}})")),
        std::string(40'000, ' ') + statement(for_all(R"("Action":"*")"))}) {
    EXPECT_TRUE(wrong_policy(text, true)) << text;
  }
  EXPECT_TRUE(wrong_policy(statement(for_all(R"("Action":"*")")), false));
}

}  // namespace
}  // namespace keyhold::cloud::aws
