#include "devcloud/vault/state.h"

#include <gtest/gtest.h>

namespace keyhold::devcloud::vault {
namespace {

TEST(VaultState, IsReadBackAsItWasWritten) {
  VaultState state;
  state.transits = {"team/transit", "transit"};
  state.approles = {"approle"};
  Key& key = state.keys["transit/acme"];
  key.type = "aes256-gcm96";
  key.generations = {{"wrapped-1", 100}, {"wrapped-2", 200}};
  key.min_decryption_version = 2;
  key.soft_deleted = true;
  state.policies["acme"] = "path \"x\" {}";
  Role& role = state.roles["approle/acme"];
  role.role_id = "id";
  role.token_ttl_s = 300;
  const auto read = state_from_json(to_json(state));
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(state));
  EXPECT_EQ(read->keys.at("transit/acme").generations.at(1).created_s, 200);
  EXPECT_TRUE(read->keys.at("transit/acme").soft_deleted);
}

TEST(VaultLogins, AreReadBackAsTheyWereWritten) {
  Logins logins;
  logins.sealed = true;
  SecretId& secret_id = logins.secret_ids["hidden"];
  secret_id.role = "approle/acme";
  secret_id.uses_left = 3;
  Token& token = logins.tokens["hidden"];
  token.policies = {"acme"};
  token.expires_s = 900;
  const auto read = logins_from_json(to_json(logins));
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(logins));
  EXPECT_TRUE(read->sealed);
  EXPECT_EQ(read->tokens.at("hidden").expires_s, 900);
}

TEST(VaultState, DamageIsAnIntegrityError) {
  for (const char* text : {"", "{", "[]", "{}", R"({"transits": 1})"}) {
    SCOPED_TRACE(text);
    const auto state = state_from_json(text);
    ASSERT_FALSE(state.has_value());
    EXPECT_EQ(state.error().code(), Code::integrity);
    const auto logins = logins_from_json(text);
    ASSERT_FALSE(logins.has_value());
    EXPECT_EQ(logins.error().code(), Code::integrity);
  }
}

}  // namespace
}  // namespace keyhold::devcloud::vault
