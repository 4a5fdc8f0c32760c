#include "cloud/aws/profile.h"

#include <gtest/gtest.h>

namespace keyhold::cloud::aws {
namespace {

Profiles config(std::string_view text) {
  auto profiles = parse_profiles(text, ProfileFile::config);
  EXPECT_TRUE(profiles.has_value()) << profiles.error().message();
  return profiles ? *std::move(profiles) : Profiles();
}

TEST(Profiles, OfTheConfigFileHaveTheWordBeforeTheirName) {
  const Profiles profiles = config(
      "[default]\nregion = eu-west-1\n[profile  cluster ]\r\nRole_Arn=arn:x\r\n"
      "[sso-session s]\nsso_region = x\n[services v]\n[profilex]\nregion = y\n");
  EXPECT_EQ(profiles.size(), 2U);
  EXPECT_EQ(setting(profiles.at("default"), "region"), "eu-west-1");
  EXPECT_EQ(setting(profiles.at("cluster"), "role_arn"), "arn:x");
  EXPECT_EQ(setting(profiles.at("cluster"), "region"), "");
}

TEST(Profiles, OfTheCredentialsFileHaveNone) {
  const auto profiles = parse_profiles("[a b]\naws_access_key_id = 1\n", ProfileFile::credentials);
  ASSERT_TRUE(profiles.has_value());
  EXPECT_EQ(setting(profiles->at("a b"), "aws_access_key_id"), "1");
}

TEST(Profiles, CommentsBeginBehindWhiteSpace) {
  const Profiles profiles =
      config("# a\n; b\n[default] # c\nkey = a#b;c ; d\nother = x\t# e\nempty =\n");
  EXPECT_EQ(setting(profiles.at("default"), "key"), "a#b;c");
  EXPECT_EQ(setting(profiles.at("default"), "other"), "x");
  EXPECT_EQ(setting(profiles.at("default"), "empty"), "");
}

TEST(Profiles, SecretsKeepTheirEqualsSigns) {
  const Profiles profiles = config("[default]\naws_secret_access_key = a=/+b==\n");
  EXPECT_EQ(setting(profiles.at("default"), "aws_secret_access_key"), "a=/+b==");
}

TEST(Profiles, NestedSettingsArePassedOver) {
  const Profiles profiles =
      config("[default]\ns3 =\n  max_queue_size = 1\n  role_arn = nested\nregion = r\n");
  EXPECT_EQ(setting(profiles.at("default"), "role_arn"), "");
  EXPECT_EQ(setting(profiles.at("default"), "region"), "r");
}

TEST(Profiles, OneThatIsThereTwiceIsOne) {
  const Profiles profiles = config("[default]\na = 1\nb = 2\n[default]\na = 3\n");
  EXPECT_EQ(setting(profiles.at("default"), "a"), "3");
  EXPECT_EQ(setting(profiles.at("default"), "b"), "2");
}

TEST(Profiles, TheCredentialsFileGoesFirst) {
  Profiles keys;
  keys["default"]["a"] = "keys";
  keys["only"]["b"] = "keys";
  const Profiles merged = merge_profiles(config("[default]\na = config\nc = config\n"), keys);
  EXPECT_EQ(setting(merged.at("default"), "a"), "keys");
  EXPECT_EQ(setting(merged.at("default"), "c"), "config");
  EXPECT_EQ(setting(merged.at("only"), "b"), "keys");
}

TEST(Profiles, WhatIsNoFileOfThemNamesTheLineAndNotItsContent) {
  for (const std::string_view text :
       {"secret = 1\n", "[default\nsecret = 1", "[default]\nsecret", "[]\n",
        "[default]\n= secret\n", "[default]\n  secret = 1\n"}) {
    const auto refused = parse_profiles(text, ProfileFile::config);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code(), Code::invalid_argument);
    EXPECT_EQ(refused.error().message().find("secret"), std::string::npos);
    EXPECT_TRUE(refused.error().message().starts_with("line ")) << refused.error().message();
  }
}

}  // namespace
}  // namespace keyhold::cloud::aws
