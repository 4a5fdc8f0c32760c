#include "kms/gcp/messages/answers.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/crc32c.h"
#include "base/timestamp.h"
#include "crypto/random.h"
#include "kms/gcp/messages/requests.h"
#include "kms/gcp/messages/wrapped.h"

namespace keyhold::kms::gcp {
namespace {

using Json = nlohmann::json;

const KeyName kName{.key = "projects/p/locations/l/keyRings/r/cryptoKeys/k", .version = ""};
const ByteVector kCiphertext(100, 0x5a);

Json good_encryption() {
  return {{"name", kName.key + "/cryptoKeyVersions/3"},
          {"ciphertext", to_base64(kCiphertext)},
          {"ciphertextCrc32c", std::to_string(crc32c(kCiphertext))},
          {"verifiedPlaintextCrc32c", true},
          {"verifiedAdditionalAuthenticatedDataCrc32c", true},
          {"protectionLevel", "HSM"}};
}

TEST(GcpAnswers, EncryptionGivesVersionAndCiphertext) {
  const auto wrapped = parse_encrypt(kName, good_encryption().dump());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  EXPECT_EQ(wrapped->key_version, KeyVersion("3"));
  EXPECT_EQ(wrapped->algorithm, "GOOGLE_SYMMETRIC_ENCRYPTION");
  const auto parsed = parse_wrapped(wrapped->ciphertext);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->version, 3U);
  EXPECT_EQ(ByteVector(parsed->ciphertext.begin(), parsed->ciphertext.end()), kCiphertext);
}

TEST(GcpAnswers, EncryptionWhoseChecksumsDoNotFitIsRefused) {
  const auto with = [](const char* name, const Json& value) {
    Json json = good_encryption();
    json[name] = value;
    const auto parsed = parse_encrypt(kName, json.dump());
    EXPECT_FALSE(parsed.has_value()) << name;
    return parsed ? Code::internal : parsed.error().code();
  };
  EXPECT_EQ(with("ciphertextCrc32c", "1"), Code::integrity);
  EXPECT_EQ(with("verifiedPlaintextCrc32c", false), Code::integrity);
  EXPECT_EQ(with("verifiedPlaintextCrc32c", nullptr), Code::integrity);
  EXPECT_EQ(with("verifiedAdditionalAuthenticatedDataCrc32c", false), Code::integrity);
  EXPECT_EQ(with("ciphertextCrc32c", nullptr), Code::invalid_argument);
  EXPECT_EQ(with("ciphertext", ""), Code::invalid_argument);
  EXPECT_EQ(with("ciphertext", "!!!!"), Code::invalid_argument);
  EXPECT_EQ(with("name", kName.key), Code::invalid_argument);
  EXPECT_EQ(with("name", "projects/other"), Code::invalid_argument);
}

TEST(GcpAnswers, DecryptionGivesTheKeyTakesItOutAndChecksIt) {
  const ByteVector key(32, 7);
  const auto body_with = [&](const std::string& checksum) {
    return WipedString(
        Json{{"plaintext", to_base64(key)}, {"plaintextCrc32c", checksum}, {"usedPrimary", true}}
            .dump());
  };
  WipedString body = body_with(std::to_string(crc32c(key)));
  const auto unwrapped = parse_decrypt(body);
  ASSERT_TRUE(unwrapped.has_value());
  EXPECT_EQ(unwrapped->key.bytes(crypto::SecretAccess::grant())[0], 7);
  EXPECT_EQ(body.find(WipedString(to_base64(key))), WipedString::npos);
  for (const char* checksum : {"1", "", "-1", "x"}) {
    WipedString wrong = body_with(checksum);
    EXPECT_FALSE(parse_decrypt(wrong).has_value()) << checksum;
  }
  for (const char* bad : {"", "{}", R"({"plaintext":"AAAA","plaintextCrc32c":"0"})"}) {
    WipedString wrong(bad);
    EXPECT_FALSE(parse_decrypt(wrong).has_value()) << bad;
  }
}

TEST(GcpAnswers, DescriptionIsOfThePrimaryVersionOrOfTheNamedOne) {
  const Json version{{"name", kName.key + "/cryptoKeyVersions/4"},
                     {"state", "DESTROY_SCHEDULED"},
                     {"algorithm", "GOOGLE_SYMMETRIC_ENCRYPTION"},
                     {"destroyTime", "2026-03-01T09:30:00.123456789Z"}};
  const Json key{{"name", kName.key}, {"purpose", "ENCRYPT_DECRYPT"}, {"primary", version}};
  KeyName named = kName;
  named.version = "4";
  for (const auto& described :
       {parse_describe(kName, key.dump()), parse_describe(named, version.dump())}) {
    ASSERT_TRUE(described.has_value());
    EXPECT_EQ(described->purpose, "ENCRYPT_DECRYPT");
    EXPECT_EQ(described->version, "4");
    EXPECT_EQ(described->state, "DESTROY_SCHEDULED");
    EXPECT_EQ(format_timestamp(*described->destroy_time), "2026-03-01T09:30:00.123Z");
  }
  named.version = "5";
  EXPECT_FALSE(parse_describe(named, version.dump()).has_value());
  EXPECT_FALSE(parse_describe(kName, version.dump()).has_value());
  EXPECT_FALSE(parse_describe(kName, "[]").has_value());
  const Json signing{{"name", kName.key}, {"purpose", "ASYMMETRIC_SIGN"}};
  EXPECT_EQ(parse_describe(kName, signing.dump())->version, "");
}

TEST(GcpAnswers, TimesHaveUpToNineDigitsOfASecond) {
  EXPECT_EQ(format_timestamp(*parse_time("2026-03-01T09:30:00Z")), "2026-03-01T09:30:00.000Z");
  EXPECT_EQ(format_timestamp(*parse_time("2026-03-01T09:30:00.5Z")), "2026-03-01T09:30:00.500Z");
  for (const char* bad : {"", "Z", "2026-03-01", "2026-03-01T09:30:00", "2026-03-01T09:30:00.Z",
                          "2026-03-01T09:30:00+01:00", "2026-03-01T09:30:00.1234567891Z",
                          "2026-13-01T09:30:00Z", "2026-03-01T09:30:00.xZ"}) {
    EXPECT_FALSE(parse_time(bad).has_value()) << bad;
  }
}

TEST(GcpWrapped, ComesBackAndAnyOtherByteIsRefused) {
  const ByteVector good = serialize_wrapped({.version = 258, .ciphertext = kCiphertext});
  EXPECT_EQ(good.size(), 8U + 100 + 4);
  EXPECT_EQ(as_text(ByteView(good).first(4)), "KHG1");
  EXPECT_EQ(parse_wrapped(good)->version, 258U);
  for (std::size_t at = 0; at < good.size(); ++at) {
    ByteVector bent = good;
    bent[at] ^= 0x40U;
    EXPECT_FALSE(parse_wrapped(bent).has_value()) << at;
    EXPECT_FALSE(parse_wrapped(ByteView(good).first(at)).has_value()) << at;
  }
  EXPECT_FALSE(parse_wrapped(serialize_wrapped({.version = 0, .ciphertext = kCiphertext})));
  EXPECT_FALSE(parse_wrapped(serialize_wrapped({.version = 1, .ciphertext = ByteVector(12'289)})));
  EXPECT_TRUE(parse_wrapped(serialize_wrapped({.version = 1, .ciphertext = ByteVector(12'288)})));
}

TEST(GcpRequests, EncryptCarriesBothChecksumsAndTheReason) {
  KeyName named = kName;
  named.version = "2";
  const WipedString token("t");
  const Call call{.endpoint = "https://kms", .token = token, .request_id = "id"};
  const auto key = crypto::Key256::copy_of(ByteVector(32, 1), crypto::SecretAccess::grant());
  const auto request = encrypt_request(call, named, *key, R"({"a":"b"})");
  EXPECT_EQ(request.url, "https://kms/v1/" + kName.key + "/cryptoKeyVersions/2:encrypt");
  EXPECT_EQ(request.method, "POST");
  const Json body = Json::parse(request.body);
  EXPECT_EQ(body, (Json{{"plaintext", to_base64(ByteVector(32, 1))},
                        {"plaintextCrc32c", std::to_string(crc32c(ByteVector(32, 1)))},
                        {"additionalAuthenticatedData", "eyJhIjoiYiJ9"},
                        {"additionalAuthenticatedDataCrc32c",
                         std::to_string(crc32c(as_bytes(R"({"a":"b"})")))}}));
  std::string headers;
  for (const auto& header : request.headers) headers += header.name + "=" + header.value + ";";
  EXPECT_EQ(headers,
            "Authorization=Bearer t;X-Goog-Request-Reason=keyhold id;"
            "Content-Type=application/json;");
  EXPECT_EQ(decrypt_request(call, named, kCiphertext, "{}").url,
            "https://kms/v1/" + kName.key + ":decrypt");
  EXPECT_EQ(describe_request(call, kName).url, "https://kms/v1/" + kName.key);
}

}  // namespace
}  // namespace keyhold::kms::gcp
