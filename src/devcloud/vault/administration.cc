// `keyhold devcloud vault …`: what a customer's administrator does, with the root token.
#include "devcloud/vault/vault.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

Error to_error(const VaultError& error) {
  const Code code = error.status == 404   ? Code::not_found
                    : error.status >= 500 ? Code::io
                                          : Code::invalid_argument;
  return {code, error.errors.empty() ? "there is no such thing" : error.errors.front()};
}

Result<json> data_of(const Answer<Reply>& outcome) {
  if (!outcome) return fail(to_error(outcome.error()));
  return outcome->data.is_null() ? json::object() : outcome->data;
}

Result<std::string> text_of(const json& given, const char* name) {
  std::string text = text_member(given, name);
  if (text.empty()) return fail(Code::invalid_argument, std::string(name) + " is missing");
  return text;
}

std::string or_default(const json& given, const char* name, const char* instead) {
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

}  // namespace

Result<json> Vault::set_up(const json& given) {
  KEYHOLD_TRY_ASSIGN(const std::string org, text_of(given, "org"));
  const std::string name = or_default(given, "name", org.c_str());
  if (!versions_.newest()->transits.contains("transit")) {
    KEYHOLD_TRY(data_of(as_root("update", "sys/mounts/transit", {{"type", "transit"}})));
  }
  if (!versions_.newest()->approles.contains("approle")) {
    KEYHOLD_TRY(data_of(as_root("update", "sys/auth/approle", {{"type", "approle"}})));
  }
  KEYHOLD_TRY(data_of(as_root("update", "transit/keys/" + name)));
  KEYHOLD_TRY(
      data_of(as_root("update", "sys/policies/acl/" + name, {{"policy", policy_for(name)}})));
  const std::string role = "auth/approle/role/" + name;
  KEYHOLD_TRY(data_of(as_root("update", role, {{"token_policies", {name}}, {"token_ttl", "5m"}})));
  KEYHOLD_TRY_ASSIGN(const json role_id, data_of(as_root("read", role + "/role-id")));
  KEYHOLD_TRY_ASSIGN(const json secret, data_of(as_root("update", role + "/secret-id")));
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

Result<json> Vault::command(std::string_view name, const json& given) {
  if (name == "setup") return set_up(given);
  if (name == "root-token") return json{{"token", root_token()}};
  if (name == "seal") return data_of(as_root("update", "sys/seal"));
  if (name == "unseal") {
    const auto done = change_logins([](Logins& logins) -> Answer<void> {
      logins.sealed = false;
      return {};
    });
    if (!done) return fail(to_error(done.error()));
    return json::object();
  }
  if (name == "token-revoke") {
    KEYHOLD_TRY_ASSIGN(const std::string token, text_of(given, "token"));
    return data_of(as_root("update", "auth/token/revoke", {{"token", token}}));
  }
  KEYHOLD_TRY_ASSIGN(const std::string target, text_of(given, "name"));
  if (name == "policy-revoke") return data_of(as_root("delete", "sys/policies/acl/" + target));
  if (name == "policy-grant") {
    const std::string text = given.contains("policy") ? given["policy"].dump() : policy_for(target);
    return data_of(as_root("update", "sys/policies/acl/" + target, {{"policy", text}}));
  }
  if (name == "key-min-version") {
    return data_of(as_root("update", "transit/keys/" + target + "/config",
                           {{"min_decryption_version", given.value("version", 1)}}));
  }
  if (name == "key-rotate") return data_of(as_root("update", "transit/keys/" + target + "/rotate"));
  if (name == "secret-id") {
    return data_of(as_root("update", "auth/approle/role/" + target + "/secret-id"));
  }
  if (name == "secret-id-destroy") {
    KEYHOLD_TRY_ASSIGN(const std::string accessor, text_of(given, "accessor"));
    return data_of(as_root("update", "auth/approle/role/" + target + "/secret-id-accessor/destroy",
                           {{"secret_id_accessor", accessor}}));
  }
  return fail(Code::not_found, "vault has no command " + std::string(name));
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
