#include "devcloud/gcp/access.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr const char* kRing = "projects/p/locations/global/keyRings/r";
constexpr const char* kKey = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
constexpr const char* kMember = "serviceAccount:a@p.iam.gserviceaccount.com";
constexpr const char* kUse = "roles/cloudkms.cryptoKeyEncrypterDecrypter";

State empty_state() {
  return {{"accounts",
           {{"a@p.iam.gserviceaccount.com",
             {{"project", "p"}, {"disabled", false}, {"keys", json::object()}}}}},
          {"users", json::object()},
          {"policies", json::object()}};
}

bool may(const State& state, const std::string& permission, const std::string& resource) {
  return allows(state, kMember, permission, resource);
}

TEST(GcpAccess, GrantReachesWhatIsBelowAndNothingBeside) {
  State state = empty_state();
  ASSERT_TRUE(set_grant(state, kRing, kUse, kMember, true));
  const std::string use = "cloudkms.cryptoKeyVersions.useToDecrypt";
  EXPECT_TRUE(may(state, use, kKey));
  EXPECT_FALSE(may(state, use, "projects/p/locations/global/keyRings/r2/cryptoKeys/k"));
  EXPECT_FALSE(may(state, use, "projects/p"));
  EXPECT_FALSE(may(state, "cloudkms.cryptoKeys.get", kKey));
  EXPECT_FALSE(allows(state, "serviceAccount:b@p.iam.gserviceaccount.com", use, kKey));
}

TEST(GcpAccess, GrantIsGivenAndTakenOnce) {
  State state = empty_state();
  EXPECT_TRUE(set_grant(state, kKey, kUse, kMember, true));
  EXPECT_FALSE(set_grant(state, kKey, kUse, kMember, true));
  EXPECT_TRUE(set_grant(state, kKey, kUse, kMember, false));
  EXPECT_FALSE(set_grant(state, kKey, kUse, kMember, false));
  EXPECT_TRUE(state["policies"][kKey]["bindings"].empty());
}

TEST(GcpAccess, AccountIsBelowItsProject) {
  State state = empty_state();
  const std::string permission = "iam.serviceAccounts.getAccessToken";
  const std::string account = "serviceAccounts/a@p.iam.gserviceaccount.com";
  EXPECT_FALSE(may(state, permission, account));
  set_grant(state, "projects/p", "roles/iam.serviceAccountTokenCreator", kMember, true);
  EXPECT_TRUE(may(state, permission, account));
  EXPECT_FALSE(may(state, permission, "serviceAccounts/b@p.iam.gserviceaccount.com"));
}

TEST(GcpAccess, AdministratorsDoNotUseKeys) {
  State state = empty_state();
  set_grant(state, "projects/p", "roles/cloudkms.admin", kMember, true);
  EXPECT_TRUE(may(state, "cloudkms.cryptoKeyVersions.destroy", kKey));
  EXPECT_FALSE(may(state, "cloudkms.cryptoKeyVersions.useToEncrypt", kKey));
}

TEST(GcpAccess, EtagChangesWithThePolicy) {
  State state = empty_state();
  const json before = policy_json(state, kKey);
  set_grant(state, kKey, kUse, kMember, true);
  EXPECT_NE(policy_json(state, kKey)["etag"], before["etag"]);
}

TEST(GcpAccess, BindingsAreRefusedByForm) {
  const State state = empty_state();
  for (const char* bad :
       {"{}", "[1]", R"([{"role": 1, "members": []}])", R"([{"role": "roles/cloudkms.admin"}])",
        R"([{"role": "roles/none", "members": []}])",
        R"([{"role": "roles/cloudkms.admin", "members": [1]}])",
        R"([{"role": "roles/cloudkms.admin", "members": ["serviceAccount:b@p"]}])",
        R"([{"role": "roles/cloudkms.admin", "members": ["allUsers"]}])",
        R"([{"role": "roles/cloudkms.admin", "members": [], "condition": {}}])"}) {
    EXPECT_FALSE(check_bindings(state, json::parse(bad)).has_value()) << bad;
  }
  const json good = {{{"role", kUse}, {"members", {kMember}}}};
  EXPECT_TRUE(check_bindings(state, good).has_value());
}

TEST(GcpNames, NamesAreTakenApart) {
  const auto version = parse_name(std::string(kKey) + "/cryptoKeyVersions/12");
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(version->level, Level::version);
  EXPECT_EQ(version->ring, kRing);
  EXPECT_EQ(version->key, kKey);
  EXPECT_EQ(version->number, "12");
  const auto keys = parse_name(std::string(kRing) + "/cryptoKeys");
  ASSERT_TRUE(keys.has_value());
  EXPECT_EQ(keys->level, Level::keys);
  EXPECT_EQ(keys->parent, kRing);
  for (const char* bad : {"", "projects/p", "projects//locations/l/keyRings", "a/b/c/d/e",
                          "projects/p/locations/l/keyRings/", "projects/p/locations/l/rings/r"}) {
    EXPECT_FALSE(parse_name(bad).has_value()) << bad;
  }
}

TEST(GcpNames, IdsAndAccounts) {
  EXPECT_TRUE(is_id("a-Z_9"));
  EXPECT_TRUE(is_id(std::string(63, 'a')));
  for (const std::string& bad : {std::string(), std::string(64, 'a'), std::string("a b")}) {
    EXPECT_FALSE(is_id(bad)) << bad;
  }
  EXPECT_EQ(account_in("projects/-/serviceAccounts/a@b"), "a@b");
  EXPECT_EQ(account_in("projects/p/serviceAccounts/a@b"), "");
}

}  // namespace
}  // namespace keyhold::devcloud::gcp
