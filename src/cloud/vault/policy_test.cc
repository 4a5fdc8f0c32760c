#include "cloud/vault/policy.h"

#include <gtest/gtest.h>

namespace keyhold::cloud::vault {
namespace {

bool may(const std::string& policy, const char* path, const char* capability) {
  return allows({parse_policy(policy).value()}, path, capability);
}

TEST(VaultPolicy, JsonAndHclSayTheSame) {
  const char* const hcl = "# ours\npath \"t/encrypt/k\" { capabilities = [\"update\", \"read\",] }";
  const char* const text = R"({"path":{"t/encrypt/k":{"capabilities":["update","read"]}}})";
  EXPECT_EQ(parse_policy(hcl).value(), parse_policy(text).value());
  EXPECT_TRUE(may(hcl, "t/encrypt/k", "update"));
  EXPECT_FALSE(may(hcl, "t/encrypt/k", "create"));
  EXPECT_FALSE(may(hcl, "t/encrypt/k2", "update"));
}

TEST(VaultPolicy, WildcardsMatchARestAndASegment) {
  EXPECT_TRUE(may(R"(path "t/*" {capabilities=["read"]})", "t/keys/k", "read"));
  EXPECT_TRUE(may(R"(path "t/ke*" {capabilities=["read"]})", "t/keys/k", "read"));
  EXPECT_FALSE(may(R"(path "t/kx*" {capabilities=["read"]})", "t/keys/k", "read"));
  EXPECT_TRUE(may(R"(path "+/keys/k" {capabilities=["read"]})", "t/keys/k", "read"));
  EXPECT_FALSE(may(R"(path "+/k" {capabilities=["read"]})", "t/keys/k", "read"));
}

TEST(VaultPolicy, TheMostSpecificPathDecidesAndDenyWins) {
  const char* const policy =
      R"(path "t/*" {capabilities=["read","update"]} path "t/keys/k" {capabilities=["read"]})";
  EXPECT_FALSE(may(policy, "t/keys/k", "update"));
  EXPECT_TRUE(may(policy, "t/keys/other", "update"));
  const Rules deny = parse_policy(R"(path "t/*" {capabilities=["deny"]})").value();
  const Rules grant = parse_policy(R"(path "t/*" {capabilities=["read"]})").value();
  EXPECT_FALSE(allows({grant, deny}, "t/keys/k", "read"));
  EXPECT_TRUE(allows({grant}, "t/keys/k", "read"));
}

TEST(VaultPolicy, WhatIsNotUnderstoodIsRefused) {
  for (const char* bad : {"path {", "{", R"(path "x" {capabilities=["fly"]})", R"(path "x" {})",
                          R"({"path":{"x":{"capabilities":["read"],"allowed_parameters":{}}}})",
                          R"({"other":1})", R"(path "x" {capabilities=["read" "list"]})"}) {
    EXPECT_FALSE(parse_policy(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace keyhold::cloud::vault
