#include "cloud/aws/arn.h"

#include <gtest/gtest.h>

namespace keyhold::cloud::aws {
namespace {

TEST(Arn, IsReadAndWrittenBack) {
  for (const std::string text : {"arn:aws:kms:us-east-1:111122223333:key/mrk-1234",
                                 "arn:aws-cn:kms:cn-north-1:111122223333:alias/a/b",
                                 "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1",
                                 "arn:aws-eusc:kms:eusc-de-east-1:111122223333:key/1",
                                 "arn:aws:iam::111122223333:role/a:b"}) {
    const auto arn = parse_arn(text);
    ASSERT_TRUE(arn.has_value()) << text;
    EXPECT_EQ(arn->text(), text);
  }
  EXPECT_EQ(parse_arn("arn:aws:iam::111122223333:role/a:b")->resource, "role/a:b");
}

TEST(Arn, WhatIsNoneIsRefused) {
  for (const std::string text :
       {"", "arn", "arn:aws:kms:us-east-1:111122223333",
        "arn:aws:kms:us-east-1:111122223333:", "arn:azure:kms:us-east-1:111122223333:key/1",
        "arn:aws::us-east-1:111122223333:key/1", "arn:aws:kms:us-east-1:1111:key/1",
        "arn:aws:kms:cn-north-1:111122223333:key/1", "arn:aws:kms:US-EAST-1:111122223333:key/1",
        "urn:aws:kms:us-east-1:111122223333:key/1", "arn:aws:kms:us-east-1:111122223333:key/1\n",
        "arn:aws:kms:us-east-1:111122223333:key/ 1"}) {
    EXPECT_FALSE(parse_arn(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_arn("arn:aws:iam::111122223333:role/" + std::string(2048, 'a')).has_value());
}

TEST(Arn, RegionsAreOfAWordAPlaceAndANumber) {
  for (const char* good : {"us-east-1", "ap-southeast-4", "us-gov-west-1", "us-isob-east-1"}) {
    EXPECT_TRUE(is_region(good)) << good;
  }
  for (const char* bad : {"", "us", "us-east", "us-1", "us--1", "-us-east-1", "us-east-1.evil.com",
                          "us-east-1/", "US-east-1", "us-east-", "us-east-1-"}) {
    EXPECT_FALSE(is_region(bad)) << bad;
  }
}

TEST(ServiceEndpoint, IsThePartitionsOwn) {
  EXPECT_EQ(service_endpoint("kms", "eu-west-1", false), "https://kms.eu-west-1.amazonaws.com");
  EXPECT_EQ(service_endpoint("kms", "cn-north-1", false),
            "https://kms.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(service_endpoint("sts", "us-iso-east-1", false),
            "https://sts.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(service_endpoint("sts", "eusc-de-east-1", false),
            "https://sts.eusc-de-east-1.amazonaws.eu");
}

TEST(ServiceEndpoint, FipsHasANameOfItsOwn) {
  EXPECT_EQ(service_endpoint("kms", "us-east-2", true), "https://kms-fips.us-east-2.amazonaws.com");
  EXPECT_EQ(service_endpoint("sts", "us-east-2", true), "https://sts-fips.us-east-2.amazonaws.com");
  EXPECT_EQ(service_endpoint("kms", "us-gov-west-1", true),
            "https://kms-fips.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(service_endpoint("sts", "us-gov-west-1", true),
            "https://sts.us-gov-west-1.amazonaws.com");
}

}  // namespace
}  // namespace keyhold::cloud::aws
