// The life of a key: CreateKey, ReplicateKey, DescribeKey, ListKeys, EnableKey, DisableKey,
// ScheduleKeyDeletion, CancelKeyDeletion, RotateKeyOnDemand.
#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "devcloud/aws/arn.h"
#include "devcloud/aws/kms.h"
#include "devcloud/aws/kms_policy.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr int kMinDeletionDays = 7;
constexpr int kMaxDeletionDays = 30;
constexpr std::size_t kMaxOnDemandRotations = 25;  // KMS quota "On-demand rotation"

std::string arn_of(const Key& key) {
  return key_arn(key.region, key.account, key.id);
}

// Seconds since 1970 with milliseconds, as AWS JSON has times.
json to_seconds(WallTime time) {
  const auto span = time.time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(span).count()) /
         1000.0;
}

std::vector<const Key*> related_keys(const AwsState& state, const Key& key) {
  std::vector<const Key*> related;
  for (const auto& [arn, other] : state.keys) {
    if (other.id == key.id && other.account == key.account) related.push_back(&other);
  }
  return related;
}

bool is_primary(const Key& key) {
  return key.multi_region && key.primary_region == key.region;
}

json multi_region_configuration(const AwsState& state, const Key& key) {
  const auto named = [](const Key& one) {
    return json{{"Arn", arn_of(one)}, {"Region", one.region}};
  };
  json replicas = json::array();
  json primary;
  for (const Key* const one : related_keys(state, key)) {
    if (is_primary(*one)) {
      primary = named(*one);
    } else {
      replicas.push_back(named(*one));
    }
  }
  return {{"MultiRegionKeyType", is_primary(key) ? "PRIMARY" : "REPLICA"},
          {"PrimaryKey", primary},
          {"ReplicaKeys", replicas}};
}

// A state that forbids an operation which any existing key should take.
Answer<void> check_not_pending_deletion(const Key& key) {
  if (key.state != KeyState::pending_deletion) return {};
  return refuse("KMSInvalidStateException", arn_of(key) + " is pending deletion.");
}

Answer<void> check_spec(const std::string& usage, const std::string& spec) {
  struct Pair {
    const char* usage;
    const char* spec;
  };
  constexpr std::array<Pair, 4> kKnown = {{{"ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"},
                                           {"SIGN_VERIFY", "RSA_2048"},
                                           {"SIGN_VERIFY", "ECC_NIST_P256"},
                                           {"GENERATE_VERIFY_MAC", "HMAC_256"}}};
  const bool known = std::ranges::any_of(
      kKnown, [&](const Pair& pair) { return usage == pair.usage && spec == pair.spec; });
  if (known) return {};
  return refuse("ValidationException", "The operation failed because the KeyUsage value " + usage +
                                           " is not supported for KeySpec " + spec + " here.");
}

std::string or_default(const std::string& text, const char* instead) {
  return text.empty() ? instead : text;
}

Answer<Key> described_key(const KmsCall& call, bool multi_region, const std::string& id) {
  Key key;
  key.id = id;
  key.account = call.caller.principal.account;
  key.region = call.region;
  key.description = optional_string(call.input, "Description");
  key.usage = or_default(optional_string(call.input, "KeyUsage"), "ENCRYPT_DECRYPT");
  key.spec = or_default(
      optional_string(call.input, "KeySpec"),
      or_default(optional_string(call.input, "CustomerMasterKeySpec"), "SYMMETRIC_DEFAULT")
          .c_str());
  key.origin = or_default(optional_string(call.input, "Origin"), "AWS_KMS");
  key.created = call.now;
  key.multi_region = multi_region;
  if (multi_region) key.primary_region = call.region;
  KEYHOLD_TRY(check_spec(key.usage, key.spec));
  if (key.origin != "AWS_KMS" && key.origin != "EXTERNAL") {
    return refuse("UnsupportedOperationException", "Origin " + key.origin + " is not supported.");
  }
  if (key.origin == "EXTERNAL") key.state = KeyState::pending_import;
  return key;
}

bool has_own_material(const Key& key) {
  return key.origin == "AWS_KMS" && key.spec == "SYMMETRIC_DEFAULT";
}

}  // namespace

json Kms::metadata(const AwsState& state, const Key& key, WallTime now) {
  const KeyState current = state_at(key, now);
  json out = {{"AWSAccountId", key.account},
              {"KeyId", key.id},
              {"Arn", arn_of(key)},
              {"CreationDate", to_seconds(key.created)},
              {"Enabled", current == KeyState::enabled},
              {"Description", key.description},
              {"KeyUsage", key.usage},
              {"KeyState", name_of(current)},
              {"Origin", key.origin},
              {"KeyManager", "CUSTOMER"},
              {"CustomerMasterKeySpec", key.spec},
              {"KeySpec", key.spec},
              {"MultiRegion", key.multi_region}};
  if (key.spec == "SYMMETRIC_DEFAULT") out["EncryptionAlgorithms"] = {"SYMMETRIC_DEFAULT"};
  if (key.multi_region) out["MultiRegionConfiguration"] = multi_region_configuration(state, key);
  const auto materials = state.materials.find(key.id);
  if (current != KeyState::pending_import && materials != state.materials.end()) {
    out["CurrentKeyMaterialId"] = materials->second.back().id;
  }
  if (key.deletion_date) {
    const bool waits = is_primary(key) && related_keys(state, key).size() > 1;
    if (waits) out["KeyState"] = "PendingReplicaDeletion";
    if (!waits) out["DeletionDate"] = to_seconds(*key.deletion_date);
  }
  if (key.origin == "EXTERNAL" && current != KeyState::pending_import) {
    out["ExpirationModel"] =
        key.material_expires ? "KEY_MATERIAL_EXPIRES" : "KEY_MATERIAL_DOES_NOT_EXPIRE";
    if (key.material_expires) out["ValidTo"] = to_seconds(*key.material_expires);
  }
  return out;
}

Answer<json> Kms::create_key(const KmsCall& call) const {
  const bool multi_region = call.input.value("MultiRegion", false);
  KEYHOLD_TRY_ASSIGN(Key key, described_key(call, multi_region, new_key_id(multi_region)));
  KEYHOLD_TRY(check_allowed_anywhere(call, "kms:CreateKey"));
  KEYHOLD_TRY_ASSIGN(key.policy, policy_for(call, key.account));
  const auto material = new_material(call.now);
  if (!material) return broken(material.error().message());
  json out;
  KEYHOLD_TRY(change([&](AwsState& state) -> Answer<void> {
    if (has_own_material(key)) state.materials[key.id] = {*material};
    state.keys[arn_of(key)] = key;
    out = {{"KeyMetadata", metadata(state, key, call.now)}};
    return {};
  }));
  return out;
}

Answer<json> Kms::replicate_key(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const std::string region, string_member(call.input, "ReplicaRegion"));
  KEYHOLD_TRY_ASSIGN(const Key* const primary,
                     allowed_key(call, "kms:ReplicateKey", Naming::key_only));
  if (!is_primary(*primary)) {
    return refuse("UnsupportedOperationException",
                  arn_of(*primary) + " is not a multi-Region primary key.");
  }
  if (!is_region(region) || region == call.region) {
    return refuse("ValidationException", "ReplicaRegion must be another Region.");
  }
  KEYHOLD_TRY(check_allowed_anywhere(call, "kms:CreateKey"));
  if (primary->origin != "EXTERNAL") KEYHOLD_TRY(check_usable(*primary, call.now));
  Key replica = *primary;
  replica.region = region;
  replica.description = optional_string(call.input, "Description");
  replica.created = call.now;
  replica.material_expires.reset();
  if (replica.origin == "EXTERNAL") replica.state = KeyState::pending_import;
  KEYHOLD_TRY_ASSIGN(replica.policy, policy_for(call, replica.account));
  json out;
  KEYHOLD_TRY(change([&](AwsState& state) -> Answer<void> {
    const bool made = state.keys.emplace(arn_of(replica), replica).second;
    if (!made) return refuse("AlreadyExistsException", arn_of(replica) + " already exists.");
    out = {{"ReplicaKeyMetadata", metadata(state, replica, call.now)},
           {"ReplicaPolicy", replica.policy.text},
           {"ReplicaTags", json::array()}};
    return {};
  }));
  return out;
}

Answer<json> Kms::describe_key(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     allowed_key(call, "kms:DescribeKey", Naming::key_or_alias));
  return json{{"KeyMetadata", metadata(*call.state, *key, call.now)}};
}

Answer<json> Kms::list_keys(const KmsCall& call) const {
  KEYHOLD_TRY(check_allowed_anywhere(call, "kms:ListKeys"));
  json keys = json::array();
  for (const auto& [arn, key] : call.state->keys) {
    if (key.account != call.caller.principal.account || key.region != call.region) continue;
    keys.push_back({{"KeyId", key.id}, {"KeyArn", arn}});
  }
  return json{{"Keys", keys}, {"Truncated", false}};
}

Answer<json> Kms::enable_key(const KmsCall& call) const {
  KEYHOLD_TRY(change_key(call, "kms:EnableKey", [&](AwsState&, Key& key) -> Answer<void> {
    KEYHOLD_TRY(check_not_pending_deletion(key));
    if (state_at(key, call.now) == KeyState::pending_import) return check_usable(key, call.now);
    key.state = KeyState::enabled;
    return {};
  }));
  return json::object();
}

Answer<json> Kms::disable_key(const KmsCall& call) const {
  KEYHOLD_TRY(change_key(call, "kms:DisableKey", [&](AwsState&, Key& key) -> Answer<void> {
    KEYHOLD_TRY(check_not_pending_deletion(key));
    if (state_at(key, call.now) == KeyState::pending_import) return check_usable(key, call.now);
    key.state = KeyState::disabled;
    return {};
  }));
  return json::object();
}

Answer<json> Kms::schedule_key_deletion(const KmsCall& call) const {
  const int days = call.input.value("PendingWindowInDays", kMaxDeletionDays);
  if (days < kMinDeletionDays || days > kMaxDeletionDays) {
    return refuse("ValidationException", "PendingWindowInDays must be between 7 and 30.");
  }
  KEYHOLD_TRY_ASSIGN(
      const Key changed,
      change_key(call, "kms:ScheduleKeyDeletion", [&](AwsState&, Key& key) -> Answer<void> {
        KEYHOLD_TRY(check_not_pending_deletion(key));
        key.state = KeyState::pending_deletion;
        key.deletion_date = call.now + std::chrono::days(days);
        return {};
      }));
  return json{{"KeyId", arn_of(changed)},
              {"DeletionDate", to_seconds(*changed.deletion_date)},
              {"KeyState", "PendingDeletion"},
              {"PendingWindowInDays", days}};
}

Answer<json> Kms::cancel_key_deletion(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(
      const Key changed,
      change_key(call, "kms:CancelKeyDeletion", [&](AwsState& state, Key& key) -> Answer<void> {
        if (key.state != KeyState::pending_deletion) {
          return refuse("KMSInvalidStateException", arn_of(key) + " is not pending deletion.");
        }
        const auto materials = state.materials.find(key.id);
        const bool has_material =
            key.spec != "SYMMETRIC_DEFAULT" ||
            (materials != state.materials.end() && !materials->second.back().wrapped.empty());
        key.state = has_material ? KeyState::disabled : KeyState::pending_import;
        key.deletion_date.reset();
        return {};
      }));
  return json{{"KeyId", arn_of(changed)}};
}

Answer<json> Kms::rotate_key_on_demand(const KmsCall& call) const {
  const auto material = new_material(call.now);
  if (!material) return broken(material.error().message());
  KEYHOLD_TRY_ASSIGN(
      const Key changed,
      change_key(call, "kms:RotateKeyOnDemand", [&](AwsState& state, Key& key) -> Answer<void> {
        if (!has_own_material(key) || (key.multi_region && !is_primary(key))) {
          return refuse("UnsupportedOperationException",
                        arn_of(key) + " cannot be rotated on demand.");
        }
        KEYHOLD_TRY(check_usable(key, call.now));
        auto& materials = state.materials[key.id];
        if (materials.size() > kMaxOnDemandRotations) {
          return refuse("LimitExceededException", "The key was rotated on demand 25 times.");
        }
        materials.push_back(*material);
        return {};
      }));
  return json{{"KeyId", changed.id}};
}

}  // namespace keyhold::devcloud::aws
