#include "kms/local/uri.h"

#include <gtest/gtest.h>

namespace keyhold::kms::local {
namespace {

TEST(LocalUri, ParsesIntoDirectoryAndName) {
  const auto location = parse_uri("local:///srv/customer kms/\xc3\xb6%20#?/orders-1.v_2");
  ASSERT_TRUE(location.has_value()) << location.error().message();
  EXPECT_EQ(location->directory, "/srv/customer kms/\xc3\xb6%20#?");
  EXPECT_EQ(location->name, "orders-1.v_2");
  EXPECT_EQ(to_uri(*location).str(), "local:///srv/customer kms/\xc3\xb6%20#?/orders-1.v_2");
}

TEST(LocalUri, AnythingElseIsRefused) {
  const std::string kCases[] = {
      "",
      "local:",
      "local://",
      "local:///",
      "local:///orders",           // no directory
      "local://srv/kms/orders",    // not absolute
      "LOCAL:///srv/kms/orders",   // scheme
      "file:///srv/kms/orders",    //
      " local:///srv/kms/orders",  //
      "local:///srv/kms/",         // no name
      "local:///srv//kms/orders",  // empty part
      "local:////srv/kms/orders",  //
      "local:///srv/./kms/orders",
      "local:///srv/../kms/orders",
      "local:///srv/kms\n/orders",  // control character
      "local:///srv/kms\x7f/orders",
      "local:///srv/\xff/orders",  // not UTF-8
      "local:///srv/kms/.orders",  // name
      "local:///srv/kms/or ders",
      "local:///srv/kms/\xc3\xb6",
      std::string("local:///srv/k\0s/orders", 23),
      "local:///srv/kms/" + std::string(65, 'n'),
  };
  for (const std::string& uri : kCases) {
    const auto location = parse_uri(uri);
    ASSERT_FALSE(location.has_value()) << uri;
    EXPECT_EQ(location.error().code(), Code::invalid_argument);
  }
}

TEST(LocalKeyName, LongestIsTaken) {
  EXPECT_TRUE(check_key_name(std::string(64, 'n')).has_value());
  EXPECT_TRUE(check_key_name("-._").has_value());
  EXPECT_FALSE(check_key_name("").has_value());
  EXPECT_FALSE(check_key_name("a/b").has_value());
}

}  // namespace
}  // namespace keyhold::kms::local
