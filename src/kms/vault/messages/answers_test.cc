#include "kms/vault/messages/answers.h"

#include <string>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "crypto/random.h"
#include "kms/vault/messages/requests.h"

namespace keyhold::kms::vault {
namespace {

const std::string kSealed = to_base64(ByteVector(60, 0x5a));

TEST(VaultAnswers, LoginGivesTheTokenAndTakesItOutOfTheBody) {
  WipedString body(
      R"({"request_id":"r","data":null,"auth":{"client_token":"s.abc","lease_duration":300,)"
      R"("token_type":"service"}})");
  const auto token = parse_login(body);
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->value, "s.abc");
  EXPECT_EQ(token->lifetime, std::chrono::seconds(300));
  EXPECT_TRUE(token->revocable);
  EXPECT_EQ(body.find("s.abc"), WipedString::npos);
  WipedString batch(R"({"auth":{"client_token":"b.x","lease_duration":0,"token_type":"batch"}})");
  EXPECT_FALSE(parse_login(batch)->revocable);
}

TEST(VaultAnswers, LoginWithoutAUsableTokenIsRefused) {
  for (const char* bad : {"", "{}", R"({"auth":null})", R"({"auth":{"client_token":""}})",
                          R"({"auth":{"client_token":"a b","lease_duration":1}})",
                          R"({"auth":{"client_token":"a\r\nX: y","lease_duration":1}})",
                          R"({"auth":{"client_token":"a","lease_duration":-1}})",
                          R"({"auth":{"client_token":"a"}})", R"({"client_token":"a"})"}) {
    WipedString body(bad);
    EXPECT_FALSE(parse_login(body).has_value()) << bad;
  }
}

TEST(VaultAnswers, KeyIsReadWithWhatDecidesWhetherItServes) {
  const auto key = parse_key(
      R"({"request_id":"r-1","data":{"type":"aes256-gcm96","latest_version":3,"derived":true,)"
      R"("min_decryption_version":2,"soft_deleted":true}})");
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->type, "aes256-gcm96");
  EXPECT_EQ(key->latest_version, 3U);
  EXPECT_EQ(key->min_decryption_version, 2U);
  EXPECT_TRUE(key->derived);
  EXPECT_TRUE(key->soft_deleted);
  EXPECT_EQ(key->request_id, "r-1");
  for (const char* bad :
       {"", "[]", R"({"data":{"type":"aes256-gcm96"}})", R"({"data":{"latest_version":1}})",
        R"({"data":{"type":1,"latest_version":1}})",
        R"({"data":{"type":"x","latest_version":99999999999}})"}) {
    EXPECT_FALSE(parse_key(bad).has_value()) << bad;
  }
}

TEST(VaultAnswers, EncryptionGivesTheCiphertextAsVaultWroteIt) {
  const std::string text = "vault:v12:" + kSealed;
  const auto wrapped =
      parse_encrypt(R"({"request_id":"r","data":{"ciphertext":")" + text + R"("}})");
  ASSERT_TRUE(wrapped.has_value());
  EXPECT_EQ(as_text(wrapped->ciphertext), text);
  EXPECT_EQ(wrapped->key_version, KeyVersion("12"));
  EXPECT_EQ(wrapped->request_id, "r");
  EXPECT_FALSE(parse_encrypt(R"({"data":{"ciphertext":"vault:v1:AAAA"}})").has_value());
  EXPECT_FALSE(parse_encrypt(R"({"data":{}})").has_value());
}

TEST(VaultAnswers, DecryptionGivesTheKeyAndTakesItOutOfTheBody) {
  WipedString body(R"({"request_id":"r","data":{"plaintext":")");
  body += WipedString(to_base64(ByteVector(32, 7))) + WipedString(R"("}})");
  const auto unwrapped = parse_decrypt(body);
  ASSERT_TRUE(unwrapped.has_value());
  EXPECT_EQ(unwrapped->key.bytes(crypto::SecretAccess::grant())[31], 7);
  EXPECT_EQ(unwrapped->request_id, "r");
  EXPECT_NE(body.find("AAAAAAAA"), WipedString::npos);
  for (const char* bad :
       {"", R"({"data":{"plaintext":"AAAA"}})", R"({"data":{"plaintext":null}})"}) {
    WipedString other(bad);
    EXPECT_FALSE(parse_decrypt(other).has_value()) << bad;
  }
}

TEST(VaultAnswers, CiphertextIsTakenInItsOneForm) {
  const std::string good = "vault:v1:" + kSealed;
  EXPECT_EQ(parse_ciphertext(as_bytes(good))->version, 1U);
  EXPECT_EQ(parse_ciphertext(as_bytes("vault:v7:" + to_base64(ByteVector(72, 1))))->version, 7U);
  for (const std::string& bad :
       {std::string(), "vault:v0:" + kSealed, "vault:v01:" + kSealed, "vault:v+1:" + kSealed,
        "vault:v:" + kSealed, "vault:v1" + kSealed, "Vault:v1:" + kSealed,
        "vault:v99999999999:" + kSealed, good + "=", good + "A",
        "vault:v1:" + to_base64(ByteVector(59, 1)), "vault:v1:" + to_base64(ByteVector(61, 1)),
        std::string("vault:v1:"), std::string(20'000, 'x')}) {
    EXPECT_FALSE(parse_ciphertext(as_bytes(bad)).has_value()) << bad;
  }
}

TEST(VaultRequests, CarryTokenNamespaceAndNothingOfIt) {
  const KeyLocation key{.origin = "https://v", .mount = "t", .name = "k", .vault_namespace = "n"};
  const auto request = decrypt_request(key, WipedString("s.x"), "vault:v1:AA", R"({"a":"b"})");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://v/v1/t/decrypt/k");
  EXPECT_EQ(request.body, R"({"ciphertext":"vault:v1:AA","associated_data":"eyJhIjoiYiJ9"})");
  std::string headers;
  for (const auto& header : request.headers) headers += header.name + "=" + header.value + ";";
  EXPECT_EQ(headers,
            "X-Vault-Request=true;X-Vault-Namespace=n;Content-Type=application/json;"
            "X-Vault-Token=s.x;");
}

TEST(VaultRequests, LoginHasTheMethodsOwnNames) {
  const KeyLocation key{.origin = "https://v", .mount = "t", .name = "k", .vault_namespace = "n"};
  const auto body_of = [&](const char* principal) {
    const auto request =
        login_request(key, parse_principal(principal).value(), WipedString("secret"));
    return request.url + " " + std::string(request.body);
  };
  EXPECT_EQ(body_of("approle:r"),
            R"(https://v/v1/auth/approle/login {"role_id":"r","secret_id":"secret"})");
  EXPECT_EQ(body_of("kubernetes:r?mount=k8s/eu"),
            R"(https://v/v1/auth/k8s/eu/login {"role":"r","jwt":"secret"})");
  EXPECT_EQ(body_of("jwt:r?jwt_file=/j"),
            R"(https://v/v1/auth/jwt/login {"role":"r","jwt":"secret"})");
  EXPECT_EQ(body_of("cert:r?cert_file=/c&key_file=/k"),
            R"(https://v/v1/auth/cert/login {"name":"r"})");
}

}  // namespace
}  // namespace keyhold::kms::vault
