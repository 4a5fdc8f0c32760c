#include "kms/vault/principal.h"

#include <gtest/gtest.h>

#include "cloud/test_environment.h"

namespace keyhold::kms::vault {
namespace {

Login login(Method method, std::string argument, std::string mount, std::string file = "",
            std::string key_file = "", std::string vault_namespace = "") {
  return {.method = method,
          .argument = std::move(argument),
          .mount = std::move(mount),
          .vault_namespace = std::move(vault_namespace),
          .file = std::move(file),
          .key_file = std::move(key_file)};
}

TEST(VaultPrincipal, GrammarOfEachMethod) {
  EXPECT_EQ(parse_principal("").value(), login(Method::token, "", "token"));
  EXPECT_EQ(parse_principal("token?token_file=/t").value(),
            login(Method::token, "", "token", "/t"));
  EXPECT_EQ(parse_principal("approle:r-1").value(), login(Method::approle, "r-1", "approle"));
  EXPECT_EQ(parse_principal("approle:r?mount=a/b&secret_id_file=/s&namespace=n").value(),
            login(Method::approle, "r", "a/b", "/s", "", "n"));
  EXPECT_EQ(parse_principal("kubernetes:role").value(),
            login(Method::kubernetes, "role", "kubernetes"));
  EXPECT_EQ(parse_principal("jwt:role?jwt_file=/j").value(),
            login(Method::jwt, "role", "jwt", "/j"));
  EXPECT_EQ(parse_principal("cert:n?cert_file=/c&key_file=/k").value(),
            login(Method::cert, "n", "cert", "/c", "/k"));
}

TEST(VaultPrincipal, AnythingElseIsRefusedAndSaysHowOneLooks) {
  for (const char* bad : {"approle",
                          "approle:",
                          "token:x",
                          "token:",
                          "ldap:x",
                          "jwt:role",
                          "approle:r?",
                          "approle:r?mount=",
                          "approle:r?mount=../x",
                          "approle:r?jwt_file=/j",
                          "approle:r?mount",
                          "approle:r?secret_id_file=relative",
                          "token?mount=x",
                          "cert:n?cert_file=/c",
                          "cert:n?key_file=/k",
                          "approle:r r",
                          "approle:r\n",
                          "approle:r\"",
                          "approle:r?x=y",
                          "approle:r?mount=a&&secret_id_file=/s"}) {
    const auto parsed = parse_principal(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().code(), Code::invalid_argument) << bad;
    EXPECT_NE(parsed.error().message().find("approle:ROLE_ID"), std::string::npos) << bad;
  }
}

std::string credential_of(std::string_view principal, const cloud::Environment& environment) {
  const auto read = read_credential(
      with_environment(parse_principal(principal).value(), environment), environment);
  if (read) return std::string(*read);
  EXPECT_EQ(read.error().fault(), Fault::configuration);
  return "(none)";
}

TEST(VaultPrincipal, CredentialComesFromItsFileElseFromWhereVaultsOwnToolsLook) {
  cloud::TestEnvironment environment;
  EXPECT_EQ(credential_of("token", environment), "(none)");
  environment.files[environment.home + "/.vault-token"] = "s.home\n";
  EXPECT_EQ(credential_of("token", environment), "s.home");
  environment.variables["VAULT_TOKEN"] = "s.variable";
  EXPECT_EQ(credential_of("token", environment), "s.variable");
  environment.files["/t"] = "  s.file \r\n";
  EXPECT_EQ(credential_of("token?token_file=/t", environment), "s.file");
  EXPECT_EQ(credential_of("approle:r", environment), "(none)");
  environment.variables["VAULT_SECRET_ID"] = "secret-1";
  EXPECT_EQ(credential_of("approle:r", environment), "secret-1");
  environment.files["/var/run/secrets/kubernetes.io/serviceaccount/token"] = "pod.jwt";
  EXPECT_EQ(credential_of("kubernetes:r", environment), "pod.jwt");
  EXPECT_EQ(credential_of("cert:n", environment), "(none)");
  environment.variables["VAULT_CLIENT_CERT"] = "/c";
  environment.variables["VAULT_CLIENT_KEY"] = "/k";
  EXPECT_EQ(credential_of("cert:n", environment), "");
}

TEST(VaultPrincipal, WhatIsNoCredentialIsRefusedWithoutAWordOfIt) {
  cloud::TestEnvironment environment;
  for (const char* bad : {"", " \n", "two words", "quo\"te", "back\\slash", "\xff"}) {
    environment.files["/t"] = bad;
    EXPECT_EQ(credential_of("token?token_file=/t", environment), "(none)") << bad;
  }
  environment.files["/t"] = std::string(70'000, 'x');
  EXPECT_EQ(credential_of("token?token_file=/t", environment), "(none)");
}

}  // namespace
}  // namespace keyhold::kms::vault
