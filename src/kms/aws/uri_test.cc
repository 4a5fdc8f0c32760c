#include "kms/aws/uri.h"

#include <gtest/gtest.h>

namespace keyhold::kms::aws {
namespace {

const std::string kKey =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const std::string kMultiRegion = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234";

using Regions = std::vector<std::string>;

TEST(AwsUri, KeysAndAliasesOfAllPartitions) {
  const auto key = parse_uri(kKey);
  ASSERT_TRUE(key.has_value()) << key.error().message();
  EXPECT_FALSE(key->is_alias());
  EXPECT_EQ(key->name(), "1234abcd-12ab-34cd-56ef-1234567890ab");
  EXPECT_EQ(key->arn_in("us-east-1"), kKey);
  EXPECT_EQ(key->regions_from("eu-west-1"), Regions{"us-east-1"});
  const auto alias = parse_uri("arn:aws-cn:kms:cn-north-1:111122223333:alias/teams/orders_1");
  ASSERT_TRUE(alias.has_value());
  EXPECT_TRUE(alias->is_alias());
  EXPECT_TRUE(parse_uri("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/k").has_value());
}

TEST(AwsUri, AMultiRegionKeyIsAskedWhereTheNodeIs) {
  const auto key = parse_uri(kMultiRegion + "?replicas=eu-west-1,us-west-2,us-east-1,eu-west-1");
  ASSERT_TRUE(key.has_value()) << key.error().message();
  EXPECT_EQ(key->regions_from("eu-west-1"), (Regions{"eu-west-1", "us-east-1", "us-west-2"}));
  EXPECT_EQ(key->regions_from("us-west-2"), (Regions{"us-west-2", "us-east-1", "eu-west-1"}));
  EXPECT_EQ(key->regions_from("us-east-1"), (Regions{"us-east-1", "eu-west-1", "us-west-2"}));
  EXPECT_EQ(key->regions_from("ap-south-1"), (Regions{"us-east-1", "eu-west-1", "us-west-2"}));
  EXPECT_EQ(key->arn_in("eu-west-1"), "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234");
}

TEST(AwsUri, WhatIsNoKeySaysHowOneLooks) {
  for (const std::string& uri : {std::string(),
                                 std::string("1234abcd"),
                                 std::string("alias/orders"),
                                 std::string("arn:aws:s3:::bucket"),
                                 std::string("arn:aws:kms:us-east-1:111122223333:key/"),
                                 std::string("arn:aws:kms::111122223333:key/1"),
                                 std::string("arn:aws:kms:us-east-1::key/1"),
                                 std::string("arn:aws:kms:us-east-1:111122223333:grant/1"),
                                 std::string("arn:aws:kms:us-east-1:111122223333:key/a/b"),
                                 std::string("arn:aws:kms:us-east-1:111122223333:alias/a:b"),
                                 kKey + "?",
                                 kKey + "?x=1",
                                 kKey + "?replicas=eu-west-1",
                                 kMultiRegion + "?replicas=",
                                 kMultiRegion + "?replicas=mars",
                                 kMultiRegion + "?region=eu-west-1",
                                 kMultiRegion + "?replicas=eu-west-1,",
                                 kMultiRegion + "?replicas=cn-north-1",
                                 kMultiRegion + "?replicas=eu-west-1&x=1",
                                 kKey + std::string(3000, 'a')}) {
    const auto refused = parse_uri(uri);
    ASSERT_FALSE(refused.has_value()) << uri;
    EXPECT_EQ(refused.error().code(), Code::invalid_argument);
    EXPECT_NE(refused.error().message().find("one looks like arn:aws:kms:"), std::string::npos);
  }
}

TEST(AwsEndpoint, IsAwssOwnOrTheGivenOne) {
  EXPECT_EQ(endpoint_in("", "eu-west-1", false), "https://kms.eu-west-1.amazonaws.com");
  EXPECT_EQ(endpoint_in("", "us-east-1", true), "https://kms-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(endpoint_in("https://kms.{region}.corp", "eu-west-1", true),
            "https://kms.eu-west-1.corp");
  EXPECT_EQ(parse_endpoint("https://kms.example.com:8443/").value(),
            "https://kms.example.com:8443");
  EXPECT_TRUE(parse_endpoint("https://vpce-1.kms.{region}.vpce.amazonaws.com").has_value());
  EXPECT_TRUE(parse_endpoint("http://127.0.0.1:5000").has_value());
}

TEST(AwsEndpoint, WhatIsNoneSaysHowOneLooks) {
  for (const char* url : {"", "kms.example.com", "http://kms.example.com", "https://a/b",
                          "https://a?b", "https://{region}{zone}", "ftp://a", "https://u:p@a"}) {
    const auto refused = parse_endpoint(url);
    ASSERT_FALSE(refused.has_value()) << url;
    EXPECT_EQ(refused.error().code(), Code::invalid_argument);
    EXPECT_NE(refused.error().message().find("one looks like https://"), std::string::npos);
  }
}

}  // namespace
}  // namespace keyhold::kms::aws
