#include "devcloud/aws/state.h"

#include <gtest/gtest.h>

#include "devcloud/aws/arn.h"
#include "devcloud/aws/ciphertext.h"

namespace keyhold::devcloud::aws {
namespace {

WallTime at(int seconds) {
  return WallTime(std::chrono::seconds(1'700'000'000 + seconds));
}

AwsState full_state() {
  AwsState state;
  state.accounts["111122223333"] = {"customer", "AKIAROOT"};
  state.users["arn:u"] = {"111122223333", "alice", "AIDA1", {{"p", "{}"}}};
  Role role{"111122223333", "keyhold", "AROA1", {"{}", {{"arn:u", "AIDA1"}}}, {{"q", "{}"}}, 7200};
  state.roles["arn:r"] = role;
  state.access_keys["AKIAROOT"] = {"arn:root", false};
  Key key;
  key.id = "mrk-1";
  key.account = "111122223333";
  key.region = "us-east-1";
  key.description = "\"quoted\" é";
  key.origin = "EXTERNAL";
  key.state = KeyState::pending_deletion;
  key.created = at(0);
  key.deletion_date = at(1);
  key.material_expires = at(2);
  key.policy = {"{}", {{"arn:r", "AROA1"}}};
  key.multi_region = true;
  key.primary_region = "us-east-1";
  state.keys["arn:k"] = key;
  state.materials["mrk-1"] = {{"aa", "wrapped", at(3)}, {"bb", "", at(4)}};
  state.aliases["arn:a"] = {"mrk-1", at(5)};
  state.instance_role = "arn:r";
  state.instance_region = "eu-west-1";
  return state;
}

TEST(AwsState, EverythingIsReadBack) {
  const std::string text = to_json(full_state());
  const AwsState again = state_from_json(text).value();
  EXPECT_EQ(to_json(again), text);
  EXPECT_EQ(again.keys.at("arn:k").deletion_date, at(1));
  EXPECT_EQ(again.keys.at("arn:k").state, KeyState::pending_deletion);
  EXPECT_FALSE(again.access_keys.at("AKIAROOT").active);
  EXPECT_EQ(again.materials.at("mrk-1").size(), 2U);
}

TEST(AwsState, DamageAndOtherVersionsAreErrors) {
  EXPECT_EQ(state_from_json("{").error().code(), Code::integrity);
  EXPECT_EQ(state_from_json("{}").error().code(), Code::integrity);
  EXPECT_EQ(state_from_json("{\"version\":1}").error().code(), Code::integrity);
  EXPECT_EQ(state_from_json("{\"version\":2}").error().code(), Code::unsupported);
}

// Persisted as numbers.
TEST(AwsState, KeyStatesKeepTheirNumbers) {
  EXPECT_EQ(static_cast<int>(KeyState::enabled), 0);
  EXPECT_EQ(static_cast<int>(KeyState::disabled), 1);
  EXPECT_EQ(static_cast<int>(KeyState::pending_deletion), 2);
  EXPECT_EQ(static_cast<int>(KeyState::pending_import), 3);
}

TEST(Arn, IsTakenApart) {
  const auto arn = parse_arn("arn:aws:kms:us-east-1:111122223333:alias/a/b");
  ASSERT_TRUE(arn);
  EXPECT_EQ(arn->service, "kms");
  EXPECT_EQ(arn->region, "us-east-1");
  EXPECT_EQ(arn->account, "111122223333");
  EXPECT_EQ(arn->name_of("alias"), "a/b");
  EXPECT_EQ(arn->name_of("key"), "");
  EXPECT_EQ(arn->str(), "arn:aws:kms:us-east-1:111122223333:alias/a/b");
  for (const char* text : {"", "arn", "arn:aws:kms:us-east-1:111122223333",
                           "arn:aws:kms:a:b:", "arn:aws-cn:kms:a:b:c", "urn:aws:kms:a:b:c"}) {
    EXPECT_FALSE(parse_arn(text)) << text;
  }
}

TEST(Arn, RegionsAndAccountsHaveTheirForm) {
  for (const char* text : {"us-east-1", "us-gov-west-1", "ap-southeast-12"}) {
    EXPECT_TRUE(is_region(text)) << text;
  }
  for (const char* text : {"", "us-east", "us-1", "-1", "us-east-1a", "US-east-1", "us-east-"}) {
    EXPECT_FALSE(is_region(text)) << text;
  }
  EXPECT_TRUE(is_account_id("012345678901"));
  EXPECT_FALSE(is_account_id("12345678901"));
  EXPECT_FALSE(is_account_id("12345678901x"));
}

TEST(Ciphertext, OpensUnderItsContextAlone) {
  auto& random = crypto::system_random();
  const auto key = crypto::Key256::generate(random).value();
  const std::string material(64, 'a');
  const EncryptionContext context = {{"ab", "c"}, {"d", ""}};
  const ByteVector blob =
      encrypt(key, "mrk-1", material, as_bytes("plain"), context, random).value();
  const auto parsed = parse_ciphertext(blob);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->key_id, "mrk-1");
  EXPECT_EQ(parsed->material_id, material);
  EXPECT_EQ(as_text(decrypt(key, *parsed, context).value()), "plain");
  for (const EncryptionContext& other :
       {EncryptionContext{}, EncryptionContext{{"a", "bc"}, {"d", ""}},
        EncryptionContext{{"ab", "c"}}, EncryptionContext{{"ab", "cd"}, {"", ""}}}) {
    EXPECT_EQ(decrypt(key, *parsed, other).error().code(), Code::integrity);
  }
  for (std::size_t size = 0; size < blob.size(); ++size) {
    const auto cut = parse_ciphertext(ByteView(blob).first(size));
    if (cut) {
      EXPECT_EQ(decrypt(key, *cut, context).error().code(), Code::integrity) << size;
    }
  }
}

}  // namespace
}  // namespace keyhold::devcloud::aws
