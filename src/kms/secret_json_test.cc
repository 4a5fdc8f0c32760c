#include "kms/secret_json.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace keyhold::kms {
namespace {

const std::string kText = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";  // 0, 1, 2 … 31

bool is_counting(const crypto::Key256& key) {
  const ByteView bytes = key.bytes(crypto::SecretAccess::grant());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != i) return false;
  }
  return bytes.size() == 32;
}

TEST(SecretJson, KeyComesOutAndTheTextIsLeftWithoutIt) {
  for (const std::string before : {R"({"KeyId":"k","Plaintext":")", R"({"data": {"Plaintext" : ")",
                                   R"({"a":"\"Plaintext\":","Plaintext":")"}) {
    WipedString json((before + kText + R"(","z":1})").c_str());
    const auto key = take_key(json, "Plaintext");
    ASSERT_TRUE(key.has_value()) << before;
    EXPECT_TRUE(is_counting(*key));
    EXPECT_EQ(std::string(json), before + std::string(kText.size(), 'A') + R"(","z":1})");
  }
}

TEST(SecretJson, EscapesOfTheValueAreUnderstood) {
  WipedString json(
      (R"({"Plaintext":")" + kText.substr(0, kText.size() - 1) + "\\u003d\"}").c_str());
  const auto key = take_key(json, "Plaintext");
  ASSERT_TRUE(key.has_value());
  EXPECT_TRUE(is_counting(*key));
  EXPECT_EQ(json.find("AAEC"), WipedString::npos);
}

TEST(SecretJson, WhatIsNotOneKeyIsRefusedWithoutQuotingIt) {
  const std::vector<std::string> all = {
      "",
      "{}",
      R"({"Plaintext":5})",
      R"({"Plaintext":"AAEC"})",
      R"({"Plaintext":")" + kText,
      R"(["Plaintext",")" + kText + "\"]",
      R"({"Plaintext":")" + kText + R"(","x":{"Plaintext":")" + kText + "\"}}",
      R"({"plaintext":")" + kText + "\"}",
      R"({"Plaintext":"\)" + kText + "\"}"};
  for (const std::string& bad : all) {
    WipedString json(bad.c_str());
    const auto key = take_key(json, "Plaintext");
    ASSERT_FALSE(key.has_value()) << bad;
    EXPECT_EQ(key.error().code(), Code::invalid_argument);
    EXPECT_EQ(key.error().message().find("AAEC"), std::string::npos);
  }
}

TEST(SecretJson, AppendedKeyIsTakenOutAgain) {
  WipedString json((R"({"P":")" + kText + "\"}").c_str());
  const auto key = take_key(json, "P");
  ASSERT_TRUE(key.has_value());
  WipedString out = R"({"P":")";
  append_key(out, *key);
  EXPECT_EQ(std::string(out), R"({"P":")" + kText);
}

}  // namespace
}  // namespace keyhold::kms
