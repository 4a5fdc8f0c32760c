// AppRole: roles, secret ids, logins.
#include <nlohmann/json.hpp>

#include "devcloud/vault/call.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

constexpr const char* kPurpose = "vault secret id";

json described(const Role& role) {
  return {{"bind_secret_id", true},
          {"local_secret_ids", false},
          {"secret_id_bound_cidrs", nullptr},
          {"secret_id_num_uses", role.secret_id_num_uses},
          {"secret_id_ttl", role.secret_id_ttl_s},
          {"token_bound_cidrs", json::array()},
          {"token_explicit_max_ttl", 0},
          {"token_max_ttl", role.token_max_ttl_s},
          {"token_no_default_policy", false},
          {"token_num_uses", role.token_num_uses},
          {"token_period", 0},
          {"token_policies", role.policies},
          {"token_strictly_bind_ip", false},
          {"token_ttl", role.token_ttl_s},
          {"token_type", "default"}};
}

// What the body names replaces what the role has.
Answer<void> edit_role(const json& body, Role& role) {
  if (body.contains("token_policies")) role.policies = list_member(body, "token_policies");
  if (body.contains("policies")) role.policies = list_member(body, "policies");
  const std::pair<const char*, std::int64_t*> times[] = {{"token_ttl", &role.token_ttl_s},
                                                         {"token_max_ttl", &role.token_max_ttl_s},
                                                         {"secret_id_ttl", &role.secret_id_ttl_s}};
  for (const auto& [name, target] : times) {
    if (!body.contains(name)) continue;
    KEYHOLD_TRY_ASSIGN(*target, seconds_member(body, name));
  }
  const std::pair<const char*, int*> counts[] = {{"token_num_uses", &role.token_num_uses},
                                                 {"secret_id_num_uses", &role.secret_id_num_uses}};
  for (const auto& [name, target] : counts) {
    if (!body.contains(name)) continue;
    KEYHOLD_TRY_ASSIGN(*target, count_member(body, name));
  }
  return {};
}

}  // namespace

Answer<Reply> Vault::one_role(const Call& call, const std::string& key, const std::string& name) {
  const auto found = call.state->roles.find(key);
  if (call.operation == "read") {
    if (found == call.state->roles.end()) return nothing_here();
    return with_data(described(found->second));
  }
  if (call.operation == "delete") {
    KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
      state.roles.erase(key);
      return {};
    }));
    KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
      std::erase_if(logins.secret_ids, [&](const auto& item) { return item.second.role == key; });
      return {};
    }));
    return Reply{};
  }
  if (call.operation != "update") return refuse_one(405, "unsupported operation");
  if (name.empty()) return refuse(400, "missing role_name");
  KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
    Role& role = state.roles[key];
    if (role.role_id.empty()) role.role_id = random_id();
    return edit_role(call.body(), role);
  }));
  return Reply{};
}

Answer<Reply> Vault::secret_ids(const Call& call, const std::string& key, const Role& role,
                                const std::vector<std::string>& rest) {
  const bool by_accessor = rest[2] == "secret-id-accessor";
  if (call.operation == "list" && rest.size() == 3) {
    json accessors = json::array();
    for (const auto& [id, secret] : logins_.newest()->secret_ids) {
      if (secret.role == key) accessors.push_back(secret.accessor);
    }
    if (accessors.empty()) return nothing_here();
    return with_data({{"keys", accessors}});
  }
  if (rest.size() == 4 && rest[3] == "destroy" &&
      (call.operation == "update" || call.operation == "delete")) {
    const std::string name =
        text_member(call.body(), by_accessor ? "secret_id_accessor" : "secret_id");
    KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
      const auto gone = std::erase_if(logins.secret_ids, [&](const auto& item) {
        if (item.second.role != key) return false;
        return by_accessor ? item.second.accessor == name : item.first == hidden(kPurpose, name);
      });
      if (gone != 0 || !by_accessor) return {};
      return refuse_one(500,
                        "failed to find accessor entry for secret_id_accessor: \"" + name + "\"");
    }));
    return Reply{};
  }
  if (by_accessor || rest.size() != 3 || call.operation != "update") {
    return refuse_one(404, "unsupported path");
  }
  const std::string text = random_id();
  KEYHOLD_TRY_ASSIGN(const std::int64_t ttl, call.body().contains("ttl")
                                                 ? seconds_member(call.body(), "ttl")
                                                 : role.secret_id_ttl_s);
  SecretId made{key, random_id(), role.secret_id_num_uses, now_s(), 0};
  if (call.body().contains("num_uses")) {
    KEYHOLD_TRY_ASSIGN(made.uses_left, count_member(call.body(), "num_uses"));
  }
  if (ttl != 0) made.expires_s = made.created_s + ttl;
  KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
    logins.secret_ids[hidden(kPurpose, text)] = made;
    return {};
  }));
  return with_data({{"secret_id", text},
                    {"secret_id_accessor", made.accessor},
                    {"secret_id_num_uses", made.uses_left},
                    {"secret_id_ttl", ttl}});
}

Answer<Reply> Vault::roles(const Call& call, const Place& place) {
  const auto& rest = place.rest;
  if (rest[0] != "role" || rest.size() > 4) return refuse_one(404, "unsupported path");
  if (rest.size() == 1) {
    json names = json::array();
    for (const auto& [key, role] : call.state->roles) {
      const std::string prefix = place.mount + "/";
      if (key.starts_with(prefix)) names.push_back(key.substr(prefix.size()));
    }
    if (call.operation != "list") return refuse_one(405, "unsupported operation");
    if (names.empty()) return nothing_here();
    return with_data({{"keys", names}});
  }
  const std::string key = place.mount + "/" + rest[1];
  if (rest.size() == 2) return one_role(call, key, rest[1]);
  const auto found = call.state->roles.find(key);
  if (rest[2] == "role-id") {
    if (found == call.state->roles.end()) return nothing_here();
    if (call.operation != "read") return refuse_one(405, "unsupported operation");
    return with_data({{"role_id", found->second.role_id}});
  }
  if (rest[2] != "secret-id" && rest[2] != "secret-id-accessor") {
    return refuse_one(404, "unsupported path");
  }
  if (found == call.state->roles.end()) {
    return refuse(404, "role \"" + rest[1] + "\" does not exist");
  }
  return secret_ids(call, key, found->second, rest);
}

Answer<Reply> Vault::login(const Call& call, const Place& place) {
  if (call.operation != "update") return refuse_one(405, "unsupported operation");
  const std::string role_id = text_member(call.body(), "role_id");
  const std::string secret_id = text_member(call.body(), "secret_id");
  if (role_id.empty()) return refuse(500, "missing role_id");
  if (secret_id.empty()) return refuse(400, "missing secret_id");
  const auto no = [] { return refuse(400, "invalid role or secret ID"); };
  const std::string prefix = place.mount + "/";
  for (const auto& [key, role] : call.state->roles) {
    if (!key.starts_with(prefix) || role.role_id != role_id) continue;
    KEYHOLD_TRY(change_logins([&, &role_key = key](Logins& logins) -> Answer<void> {
      const auto found = logins.secret_ids.find(hidden(kPurpose, secret_id));
      if (found == logins.secret_ids.end() || found->second.role != role_key) return no();
      if (found->second.expires_s != 0 && found->second.expires_s <= now_s()) return no();
      if (found->second.uses_left == 1) {
        logins.secret_ids.erase(found);
      } else if (found->second.uses_left > 1) {
        --found->second.uses_left;
      }
      return {};
    }));
    Token token;
    token.policies = role.policies;
    token.display_name = "approle";
    token.path = "auth/" + place.mount + "/login";
    token.role = key.substr(prefix.size());
    token.uses_left = role.token_num_uses;
    return issue(std::move(token), role.token_ttl_s, role.token_max_ttl_s);
  }
  return no();
}

}  // namespace keyhold::devcloud::vault
