// PutKeyPolicy, GetKeyPolicy, and aliases.
#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "devcloud/aws/arn.h"
#include "devcloud/aws/kms.h"
#include "devcloud/aws/kms_policy.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr const char* kMalformed = "MalformedPolicyDocumentException";

std::string arn_of(const Key& key) {
  return key_arn(key.region, key.account, key.id);
}

Answer<void> check_alias_name(const std::string& name) {
  const bool shaped = name.starts_with("alias/") && name.size() > 6 && name.size() <= 256;
  const bool clean = std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-';
  });
  if (shaped && clean) {
    if (!name.starts_with("alias/aws/")) return {};
    return refuse("NotAuthorizedException", "Alias names that begin with alias/aws/ are reserved.");
  }
  return refuse("InvalidAliasNameException", "Alias must start with the prefix \"alias/\".");
}

std::string own_alias_arn(const KmsCall& call, const std::string& name) {
  return alias_arn(call.region, call.caller.principal.account, name);
}

tl::unexpected<AwsError> no_alias(const std::string& arn) {
  return refuse("NotFoundException", "Alias " + arn + " is not found.");
}

// The key that an alias is to lead to, in the caller's own account and region.
Answer<const Key*> target_of(const KmsCall& call, const std::string& action) {
  KEYHOLD_TRY_ASSIGN(const std::string name, string_member(call.input, "TargetKeyId"));
  KEYHOLD_TRY_ASSIGN(const Key* const key, find_key(*call.state, call.caller.principal.account,
                                                    call.region, name, Naming::key_only, call.now));
  KEYHOLD_TRY(check_allowed(call, *key, action, {}));
  if (key->state != KeyState::pending_deletion) return key;
  return refuse("KMSInvalidStateException", arn_of(*key) + " is pending deletion.");
}

}  // namespace

std::string default_key_policy(const std::string& account) {
  const json statement = {{"Sid", "Enable IAM User Permissions"},
                          {"Effect", "Allow"},
                          {"Principal", {{"AWS", root_arn(account)}}},
                          {"Action", "kms:*"},
                          {"Resource", "*"}};
  const json policy = {
      {"Version", "2012-10-17"}, {"Id", "key-default-1"}, {"Statement", json::array({statement})}};
  return policy.dump();
}

Answer<Policy> policy_for(const KmsCall& call, const std::string& account) {
  std::string text = optional_string(call.input, "Policy");
  if (text.empty()) return Policy{default_key_policy(account), {}};
  KEYHOLD_TRY_ASSIGN(Policy policy, pin_policy(*call.state, text, kMalformed));
  if (call.input.value("BypassPolicyLockoutSafetyCheck", false)) return policy;
  const PolicyRequest request{call.caller.principal, "kms:PutKeyPolicy", "*",
                              global_context(call.caller)};
  if (decide(*call.state, call.caller, request, policy, account).allowed) return policy;
  return refuse(kMalformed,
                "The new key policy will not allow you to update the key policy in the future.");
}

Answer<json> Kms::put_key_policy(const KmsCall& call) const {
  KEYHOLD_TRY(string_member(call.input, "Policy"));
  const std::string name = optional_string(call.input, "PolicyName");
  if (!name.empty() && name != "default") {
    return refuse("NotFoundException", "No such policy exists");
  }
  KEYHOLD_TRY_ASSIGN(const Key* const key, allowed_key(call, "kms:PutKeyPolicy", Naming::key_only));
  KEYHOLD_TRY_ASSIGN(const Policy policy, policy_for(call, key->account));
  KEYHOLD_TRY(change_key(call, "kms:PutKeyPolicy", [&](AwsState&, Key& changed) -> Answer<void> {
    changed.policy = policy;
    return {};
  }));
  return json::object();
}

Answer<json> Kms::get_key_policy(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const Key* const key, allowed_key(call, "kms:GetKeyPolicy", Naming::key_only));
  return json{{"Policy", key->policy.text}, {"PolicyName", "default"}};
}

Answer<json> Kms::create_alias(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, string_member(call.input, "AliasName"));
  KEYHOLD_TRY(check_alias_name(name));
  KEYHOLD_TRY_ASSIGN(const Key* const key, target_of(call, "kms:CreateAlias"));
  const std::string arn = own_alias_arn(call, name);
  KEYHOLD_TRY(change([&](AwsState& state) -> Answer<void> {
    if (state.aliases.emplace(arn, Alias{key->id, call.now}).second) return {};
    return refuse("AlreadyExistsException", "An alias with the name " + arn + " already exists");
  }));
  return json::object();
}

Answer<json> Kms::update_alias(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, string_member(call.input, "AliasName"));
  KEYHOLD_TRY_ASSIGN(const Key* const key, target_of(call, "kms:UpdateAlias"));
  const std::string arn = own_alias_arn(call, name);
  KEYHOLD_TRY(change([&](AwsState& state) -> Answer<void> {
    const auto found = state.aliases.find(arn);
    if (found == state.aliases.end()) return no_alias(arn);
    found->second.key_id = key->id;
    return {};
  }));
  return json::object();
}

Answer<json> Kms::delete_alias(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, string_member(call.input, "AliasName"));
  const std::string arn = own_alias_arn(call, name);
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     find_key(*call.state, call.caller.principal.account, call.region, name,
                              Naming::key_or_alias, call.now));
  KEYHOLD_TRY(check_allowed(call, *key, "kms:DeleteAlias", {}));
  KEYHOLD_TRY(change([&](AwsState& state) -> Answer<void> {
    if (state.aliases.erase(arn) == 0) return no_alias(arn);
    return {};
  }));
  return json::object();
}

Answer<json> Kms::list_aliases(const KmsCall& call) const {
  KEYHOLD_TRY(check_allowed_anywhere(call, "kms:ListAliases"));
  const std::string wanted = optional_string(call.input, "KeyId");
  std::string id;
  if (!wanted.empty()) {
    KEYHOLD_TRY_ASSIGN(const Key* const key,
                       find_key(*call.state, call.caller.principal.account, call.region, wanted,
                                Naming::key_only, call.now));
    id = key->id;
  }
  json aliases = json::array();
  for (const auto& [name, alias] : call.state->aliases) {
    const auto arn = parse_arn(name);
    const bool own = arn && arn->account == call.caller.principal.account &&
                     arn->region == call.region && (id.empty() || alias.key_id == id);
    if (!own) continue;
    aliases.push_back(
        {{"AliasName", arn->resource}, {"AliasArn", name}, {"TargetKeyId", alias.key_id}});
  }
  return json{{"Aliases", aliases}, {"Truncated", false}};
}

}  // namespace keyhold::devcloud::aws
