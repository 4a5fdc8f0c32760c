// `keyhold devcloud vault …`: what a customer's administrator does, with the root token.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "devcloud/vault/call.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

constexpr const char* kPolicies = "sys/policies/acl/";
constexpr const char* kRoles = "auth/approle/role/";
constexpr const char* kKeys = "transit/keys/";

Error to_error(const VaultError& error) {
  const Code code = error.status == 404   ? Code::not_found
                    : error.status >= 500 ? Code::io
                                          : Code::invalid_argument;
  return {code, error.errors.empty() ? "there is no such thing" : error.errors.front()};
}

Result<std::string> text_of(const json& given, const char* name) {
  std::string text = text_member(given, name);
  if (text.empty()) return fail(Code::invalid_argument, std::string(name) + " is missing");
  return text;
}

std::string or_default(const json& given, const char* name, const std::string& instead) {
  const std::string text = text_member(given, name);
  return text.empty() ? instead : text;
}

// What a cluster needs of one key, and no more.
std::string policy_for(const std::string& key) {
  const json update = {{"capabilities", {"update"}}};
  return json{{"path",
               {{"transit/encrypt/" + key, update},
                {"transit/decrypt/" + key, update},
                {"transit/keys/" + key, {{"capabilities", {"read"}}}}}}}
      .dump();
}

std::string policy_text(const json& given, const std::string& name) {
  const auto policy = given.find("policy");
  return policy == given.end() || policy->is_null() ? policy_for(name) : policy->dump();
}

// "MOUNT/NAME" as two members.
json named(const std::string& id) {
  const std::size_t slash = id.rfind('/');
  return {{"mount", id.substr(0, slash)}, {"name", id.substr(slash + 1)}};
}

json told(const std::string& id, const Key& key) {
  json out = named(id);
  out.update({{"type", key.type},
              {"latest_version", key.generations.size()},
              {"min_decryption_version", key.min_decryption_version},
              {"disabled", key.soft_deleted}});
  return out;
}

json role_body(const json& given, const std::string& name) {
  const auto policies = list_member(given, "policies");
  json body = {{"token_policies", policies.empty() ? std::vector{name} : policies},
               {"token_ttl", or_default(given, "token_ttl", "5m")}};
  if (given.contains("secret_id_ttl")) body["secret_id_ttl"] = given["secret_id_ttl"];
  return body;
}

}  // namespace

// One that is about something with a name.
struct Vault::AdminCommand {
  std::string_view name;
  std::function<Result<json>(Vault&, const std::string& target, const json& given)> run;
};

Result<json> Vault::ask(const std::string& operation, const std::string& path, const json& body) {
  const auto outcome = as_root(operation, path, body);
  if (!outcome) return fail(to_error(outcome.error()));
  return outcome->data == nullptr ? json::object() : *outcome->data;
}

Result<json> Vault::ask(const std::string& operation, const std::string& path) {
  return ask(operation, path, json::object());
}

// Vault itself deletes what is not there without a word.
Result<json> Vault::ask_existing(const std::string& operation, const std::string& thing,
                                 const std::string& rest) {
  KEYHOLD_TRY(ask("read", thing));
  return ask(operation, thing + rest);
}

Result<json> Vault::set_up(const json& given) {
  KEYHOLD_TRY_ASSIGN(const std::string org, text_of(given, "org"));
  const std::string name = or_default(given, "name", org);
  if (!versions_.newest()->transits.contains("transit")) {
    KEYHOLD_TRY(ask("update", "sys/mounts/transit", {{"type", "transit"}}));
  }
  if (!versions_.newest()->approles.contains("approle")) {
    KEYHOLD_TRY(ask("update", "sys/auth/approle", {{"type", "approle"}}));
  }
  KEYHOLD_TRY(ask("update", kKeys + name));
  KEYHOLD_TRY(ask("update", kKeys + name + "/soft-delete-restore"));
  KEYHOLD_TRY(ask("update", kPolicies + name, {{"policy", policy_for(name)}}));
  const std::string role = kRoles + name;
  KEYHOLD_TRY(ask("update", role, role_body(json::object(), name)));
  KEYHOLD_TRY_ASSIGN(const json role_id, ask("read", role + "/role-id"));
  KEYHOLD_TRY_ASSIGN(const json secret, ask("update", role + "/secret-id"));
  KEYHOLD_TRY_ASSIGN(const auto written, shared_.folder.load("endpoints.json"));
  const json endpoints = json::parse(written.value_or("{}"), nullptr, false);
  return json{{"key_uri", text_member(endpoints, "https") + "/v1/transit/keys/" + name},
              {"ca_file", text_member(endpoints, "ca_file")},
              {"auth_principal", "approle:" + role_id["role_id"].get<std::string>()},
              {"secret_id", secret["secret_id"]},
              {"secret_id_accessor", secret["secret_id_accessor"]},
              {"policy", name},
              {"role", name},
              {"root_token", root_token()}};
}

Result<json> Vault::list_all() const {
  const auto state = versions_.newest();
  json keys = json::array();
  for (const auto& [id, key] : state->keys) keys.push_back(told(id, key));
  json policies = json::array();
  for (const auto& [name, text] : state->policies) policies.push_back({{"name", name}});
  json roles = json::array();
  for (const auto& [id, role] : state->roles) {
    roles.push_back(named(id));
    roles.back().update({{"role_id", role.role_id}, {"policies", role.policies}});
  }
  return json{{"keys", keys}, {"policies", policies}, {"roles", roles}};
}

Result<json> Vault::unseal() {
  const auto done = change_logins([](Logins& logins) -> Answer<void> {
    logins.sealed = false;
    return {};
  });
  if (!done) return fail(to_error(done.error()));
  return json::object();
}

Result<json> Vault::describe_key(const std::string& name) const {
  const std::string id = "transit/" + name;
  const auto state = versions_.newest();
  const auto found = state->keys.find(id);
  if (found == state->keys.end()) return fail(Code::not_found, "there is no key " + id);
  return told(id, found->second);
}

Result<json> Vault::change_key(const std::string& operation, const std::string& name,
                               const std::string& what, const json& body) {
  KEYHOLD_TRY(describe_key(name));
  KEYHOLD_TRY(ask(operation, kKeys + name + what, body));
  return describe_key(name);
}

const std::vector<Vault::AdminCommand>& Vault::admin_commands() {
  const auto on_key = [](const char* operation, const char* what) {
    return [=](Vault& vault, const std::string& key, const json&) {
      return vault.change_key(operation, key, what, json::object());
    };
  };
  // One request about a thing that is there.
  const auto simply = [](const char* operation, const char* kind, const char* rest) {
    return [=](Vault& vault, const std::string& name, const json&) {
      return vault.ask_existing(operation, kind + name, rest);
    };
  };
  static const std::vector<AdminCommand> kCommands = {
      {"key-create",
       [](Vault& vault, const std::string& key, const json&) -> Result<json> {
         KEYHOLD_TRY(vault.ask("update", kKeys + key));
         return vault.describe_key(key);
       }},
      {"key-describe",
       [](Vault& vault, const std::string& key, const json&) { return vault.describe_key(key); }},
      {"key-rotate", on_key("update", "/rotate")},
      {"key-disable", on_key("delete", "/soft-delete")},
      {"key-enable", on_key("update", "/soft-delete-restore")},
      {"key-min-version",
       [](Vault& vault, const std::string& key, const json& given) {
         return vault.change_key("update", key, "/config",
                                 {{"min_decryption_version", given.value("version", 1)}});
       }},
      {"key-delete",
       [](Vault& vault, const std::string& key, const json&) -> Result<json> {
         KEYHOLD_TRY(vault.change_key("update", key, "/config", {{"deletion_allowed", true}}));
         return vault.ask("delete", kKeys + key);
       }},
      {"policy-revoke", simply("delete", kPolicies, "")},
      {"policy-grant",
       [](Vault& vault, const std::string& policy, const json& given) {
         return vault.ask("update", kPolicies + policy, {{"policy", policy_text(given, policy)}});
       }},
      {"role-create",
       [](Vault& vault, const std::string& role, const json& given) -> Result<json> {
         KEYHOLD_TRY(vault.ask("update", kRoles + role, role_body(given, role)));
         return vault.ask("read", kRoles + role + "/role-id");
       }},
      {"role-delete", simply("delete", kRoles, "")},
      {"secret-id", simply("update", kRoles, "/secret-id")},
      {"secret-id-destroy",
       [](Vault& vault, const std::string& role, const json& given) -> Result<json> {
         KEYHOLD_TRY_ASSIGN(const std::string accessor, text_of(given, "accessor"));
         const auto known = [&](const auto& item) { return item.second.accessor == accessor; };
         if (std::ranges::none_of(vault.logins_.newest()->secret_ids, known)) {
           return fail(Code::not_found, "no secret id has that accessor");
         }
         return vault.ask("update", kRoles + role + "/secret-id-accessor/destroy",
                          {{"secret_id_accessor", accessor}});
       }},
  };
  return kCommands;
}

Result<json> Vault::command(std::string_view name, const json& given) {
  if (name == "setup") return set_up(given);
  if (name == "list") return list_all();
  if (name == "root-token") return json{{"token", root_token()}};
  if (name == "seal") return ask("update", "sys/seal");
  if (name == "unseal") return unseal();
  if (name == "token-revoke") {
    KEYHOLD_TRY_ASSIGN(const std::string token, text_of(given, "token"));
    return ask("update", "auth/token/revoke", {{"token", token}});
  }
  const auto found = std::ranges::find(admin_commands(), name, &AdminCommand::name);
  if (found == admin_commands().end()) {
    return fail(Code::not_found, "vault has no command " + std::string(name));
  }
  KEYHOLD_TRY_ASSIGN(const std::string target, text_of(given, "name"));
  return found->run(*this, target, given);
}

Result<std::string> Vault::administer(std::string_view name, std::string_view arguments) {
  const json given = json::parse(arguments, nullptr, false);
  if (!given.is_object()) return fail(Code::invalid_argument, "arguments are a JSON object");
  try {
    KEYHOLD_TRY_ASSIGN(const json out, command(name, given));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  } catch (const json::exception& error) {
    return fail(Code::invalid_argument, std::string("a member of another type: ") + error.what());
  }
}

}  // namespace keyhold::devcloud::vault
