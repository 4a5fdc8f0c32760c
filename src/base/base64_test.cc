#include "base/base64.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

// RFC 4648, section 10.
const std::vector<std::pair<std::string, std::string>> kPublished = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};

TEST(Base64, AgreesWithThePublishedCases) {
  for (const auto& [plain, coded] : kPublished) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    const auto decoded = from_base64(coded);
    ASSERT_TRUE(decoded.has_value()) << coded;
    EXPECT_EQ(as_text(*decoded), plain);
  }
}

TEST(Base64, EveryByteAndLengthComesBack) {
  ByteVector bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)).value(), bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 7));
  }
}

TEST(Base64, UrlAlphabetHasNoPaddingNoPlusAndNoSlash) {
  const ByteVector bytes = {0xfb, 0xff, 0xfe, 0xff};
  EXPECT_EQ(to_base64(bytes), "+//+/w==");
  EXPECT_EQ(to_base64url(bytes), "-__-_w");
  EXPECT_FALSE(from_base64url("+//+/w").has_value());
  EXPECT_FALSE(from_base64("-__-_w==").has_value());
}

TEST(Base64, WhatIsNotExactIsRefused) {
  for (const std::string bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm8", "Zm9v=", "Zm9v====",
                                "====", "Z===", "Zm 9", "Zm9v\n", "Zg==Zg==", "\xc3\xa4Zg"}) {
    const auto decoded = from_base64(bad);
    ASSERT_FALSE(decoded.has_value()) << bad;
    EXPECT_EQ(decoded.error().code(), Code::invalid_argument);
    EXPECT_EQ(decoded.error().message().find('Z'), std::string::npos);
  }
}

TEST(Base64, SecretOfAnotherSizeIsRefusedAndLeavesNothing) {
  std::array<std::uint8_t, 3> to{};
  EXPECT_TRUE(decode_base64("Zm9v", to).has_value());
  EXPECT_EQ(as_text(to), "foo");
  for (const std::string bad : {"Zm8=", "Zm9vYg==", "Zm9!"}) {
    to = {1, 2, 3};
    EXPECT_FALSE(decode_base64(bad, to).has_value());
    EXPECT_EQ(to, (std::array<std::uint8_t, 3>{}));
  }
  WipedString text = "key=";
  append_base64(text, as_bytes("fooba"));
  EXPECT_EQ(text, "key=Zm9vYmE=");
}

}  // namespace
}  // namespace keyhold
