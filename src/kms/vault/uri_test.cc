#include "kms/vault/uri.h"

#include <gtest/gtest.h>

namespace keyhold::kms::vault {
namespace {

TEST(VaultUri, NamesOriginMountKeyAndNamespace) {
  const KeyLocation plain{.origin = "https://vault.example.com:8200",
                          .mount = "transit",
                          .name = "orders",
                          .vault_namespace = ""};
  EXPECT_EQ(parse_uri("https://vault.example.com:8200/v1/transit/keys/orders").value(), plain);
  const KeyLocation deep{.origin = "https://vault",
                         .mount = "teams/a/keys/transit",
                         .name = "or.d-e_rs",
                         .vault_namespace = "eu/prod"};
  EXPECT_EQ(
      parse_uri("https://vault/v1/teams/a/keys/transit/keys/or.d-e_rs?namespace=eu/prod").value(),
      deep);
  EXPECT_EQ(parse_uri("http://127.0.0.1:8200/v1/transit/keys/x")->origin, "http://127.0.0.1:8200");
}

TEST(VaultUri, AnythingElseIsRefusedAndSaysHowOneLooks) {
  for (const char* bad : {"",
                          "orders",
                          "vault:transit/orders",
                          "https://vault",
                          "https://vault/",
                          "https://vault/v1/transit/orders",
                          "https://vault/v1/keys/orders",
                          "https://vault/v2/transit/keys/orders",
                          "https://vault/v1/transit/keys/",
                          "https://vault/v1/transit/keys/a/b",
                          "https://vault/v1/../keys/x",
                          "https://vault/v1/transit/keys/..",
                          "https://vault/v1//transit/keys/x",
                          "https://vault/v1/transit/keys/x?",
                          "https://vault/v1/transit/keys/x?namespace=",
                          "https://vault/v1/transit/keys/x?name=y",
                          "https://vault/v1/transit/keys/x?namespace=a&b=c",
                          "https://vault/v1/transit/keys/x?namespace=a/../b",
                          "https://vault/v1/transit/keys/x#y",
                          "https://vault/v1/transit/keys/x%2f",
                          "https://user:pw@vault/v1/transit/keys/x",
                          "http://vault.example.com/v1/transit/keys/x",
                          "ftp://vault/v1/transit/keys/x",
                          "https://vault?/v1/transit/keys/x",
                          "https://vault/v1/transit/keys/x y"}) {
    const auto parsed = parse_uri(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().code(), Code::invalid_argument) << bad;
    EXPECT_NE(parsed.error().message().find("/v1/transit/keys/orders"), std::string::npos) << bad;
  }
  EXPECT_FALSE(parse_uri("https://v/v1/t/keys/" + std::string(3000, 'x')).has_value());
}

TEST(VaultUri, OriginHasNoPath) {
  EXPECT_EQ(parse_origin("https://vault:8200/").value(), "https://vault:8200");
  EXPECT_EQ(parse_origin("http://[::1]:8200").value(), "http://[::1]:8200");
  for (const char* bad : {"", "vault", "https://vault/v1", "https://vault?x", "http://vault"}) {
    EXPECT_FALSE(parse_origin(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace keyhold::kms::vault
