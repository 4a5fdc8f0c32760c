#include "kms/aws/messages/answers.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/timestamp.h"
#include "kms/aws/messages/requests.h"

namespace keyhold::kms::aws {
namespace {

const std::string kArn = "arn:aws:kms:us-east-1:111122223333:key/k";

crypto::Key256 key_of(std::uint8_t byte) {
  auto key = crypto::Key256::allocate().value();
  const auto bytes = key.bytes(crypto::SecretAccess::grant());
  std::fill(bytes.begin(), bytes.end(), byte);
  return key;
}

WrapContext context() {
  WrapContext context;
  context.org = OrgId("o\"1");
  context.key_id = KeyId(ByteVector(16, 0x5a));
  return context;
}

TEST(AwsRequests, AreJsonWithTheKeyAndTheContext) {
  const auto encrypt = encrypt_request("https://kms", kArn, key_of(7), context());
  EXPECT_EQ(encrypt.url, "https://kms/");
  EXPECT_EQ(encrypt.method, "POST");
  EXPECT_EQ(encrypt.headers.at(1).value, "TrentService.Encrypt");
  EXPECT_EQ(std::string_view(encrypt.body),
            "{\"KeyId\":\"" + kArn + "\",\"EncryptionContext\":" + to_canonical_json(context()) +
                ",\"Plaintext\":\"" + to_base64(ByteVector(32, 7)) + "\"}");
  const auto decrypt = decrypt_request("https://kms", kArn, ByteVector{1, 2, 3}, context());
  EXPECT_EQ(std::string_view(decrypt.body),
            "{\"KeyId\":\"" + kArn + "\",\"EncryptionContext\":" + to_canonical_json(context()) +
                ",\"CiphertextBlob\":\"AQID\"}");
  EXPECT_EQ(std::string_view(describe_request("https://kms", kArn).body),
            "{\"KeyId\":\"" + kArn + "\"}");
}

TEST(AwsAnswers, Encrypted) {
  const auto answer = parse_encrypt("{\"CiphertextBlob\":\"AQID\",\"KeyId\":\"" + kArn +
                                    "\",\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}");
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_EQ(answer->ciphertext, (ByteVector{1, 2, 3}));
  EXPECT_EQ(answer->key_arn, kArn);
  EXPECT_EQ(answer->algorithm, "SYMMETRIC_DEFAULT");
}

TEST(AwsAnswers, WhatIsNotOneOfEncryptIsRefused) {
  const std::string large = to_base64(ByteVector(kMaxCiphertextBytes + 1));
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), "{\"KeyId\":\"" + kArn + "\"}",
        std::string("{\"CiphertextBlob\":\"AQID\"}"),
        "{\"CiphertextBlob\":\"!\",\"KeyId\":\"" + kArn + "\"}",
        "{\"CiphertextBlob\":\"\",\"KeyId\":\"" + kArn + "\"}",
        "{\"CiphertextBlob\":\"" + large + "\",\"KeyId\":\"" + kArn + "\"}",
        "{\"CiphertextBlob\":[1],\"KeyId\":\"" + kArn + "\"}"}) {
    EXPECT_FALSE(parse_encrypt(body).has_value()) << body;
  }
}

std::string decrypted(const std::string& plaintext) {
  return "{\"KeyId\":\"" + kArn + "\",\"Plaintext\":\"" + plaintext +
         "\",\"KeyMaterialId\":\"m1\",\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}";
}

TEST(AwsAnswers, DecryptedIsTakenOutOfTheBody) {
  const std::string encoded = to_base64(ByteVector(32, 7));
  const std::string text = decrypted(encoded);
  WipedString body(text.begin(), text.end());
  const auto answer = parse_decrypt(body);
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_TRUE(crypto::equal_constant_time(answer->key.bytes(crypto::SecretAccess::grant()),
                                          ByteVector(32, 7)));
  EXPECT_EQ(answer->key_arn, kArn);
  EXPECT_EQ(answer->key_material_id, "m1");
  EXPECT_EQ(body.find(encoded), WipedString::npos);
}

TEST(AwsAnswers, APlaintextThatIsNoKeyGivesNone) {
  for (const std::size_t size : {0U, 1U, 31U, 33U, 64U}) {
    const std::string text = decrypted(to_base64(ByteVector(size, 7)));
    WipedString body(text.begin(), text.end());
    const auto answer = parse_decrypt(body);
    ASSERT_TRUE(answer.has_value()) << size;
    EXPECT_TRUE(answer->key.empty());
  }
}

TEST(AwsAnswers, WhatIsNotOneOfDecryptIsRefused) {
  const std::string whole = decrypted(to_base64(ByteVector(32, 7)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    WipedString body(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(parse_decrypt(body).has_value()) << size;
  }
  for (const std::string& text :
       {std::string("{\"Plaintext\":\"AAAA\"}"), decrypted("\\u0041"), "[" + whole + "]"}) {
    WipedString body(text.begin(), text.end());
    const auto answer = parse_decrypt(body);
    EXPECT_TRUE(!answer.has_value() || answer->key.empty()) << text;
  }
}

TEST(AwsAnswers, DescribedKey) {
  const auto key = parse_describe(
      "{\"KeyMetadata\":{\"Arn\":\"" + kArn +
      "\",\"KeyState\":\"PendingDeletion\",\"KeyUsage\":\"ENCRYPT_DECRYPT\",\"KeySpec\":"
      "\"SYMMETRIC_DEFAULT\",\"Origin\":\"EXTERNAL\",\"DeletionDate\":1772357400.25,\"ValidTo\":"
      "1772357401,\"MultiRegion\":true,\"CurrentKeyMaterialId\":\"m2\"}}");
  ASSERT_TRUE(key.has_value()) << key.error().message();
  EXPECT_EQ(key->arn, kArn);
  EXPECT_EQ(key->state, "PendingDeletion");
  EXPECT_EQ(key->origin, "EXTERNAL");
  EXPECT_EQ(key->current_material_id, "m2");
  EXPECT_EQ(key->deletion_date, parse_timestamp("2026-03-01T09:30:00.250Z"));
  EXPECT_EQ(key->valid_to, parse_timestamp("2026-03-01T09:30:01.000Z"));
  EXPECT_TRUE(key->multi_region);
}

TEST(AwsAnswers, WhatIsNotOneOfDescribeKeyIsRefused) {
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("{\"KeyMetadata\":[]}"),
        "{\"KeyMetadata\":{\"Arn\":\"" + kArn + "\"}}",
        std::string("{\"KeyMetadata\":{\"KeyState\":\"Enabled\"}}")}) {
    EXPECT_FALSE(parse_describe(body).has_value()) << body;
  }
  for (const std::string date : {"-1", "1e300", "\"soon\"", "null"}) {
    const auto key = parse_describe(
        "{\"KeyMetadata\":{\"Arn\":\"a\",\"KeyState\":\"Enabled\","
        "\"DeletionDate\":" +
        date + "}}");
    ASSERT_TRUE(key.has_value());
    EXPECT_FALSE(key->deletion_date.has_value()) << date;
  }
}

}  // namespace
}  // namespace keyhold::kms::aws
