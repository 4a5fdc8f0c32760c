#include "devcloud/gcp/administration.h"

#include <nlohmann/json.hpp>

#include "crypto/rsa_verify.h"
#include "devcloud/gcp/access.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr const char* kDomain = ".iam.gserviceaccount.com";
constexpr std::int64_t kMaxSeconds = 365LL * 24 * 3600;

Result<std::string> wanted(const json& given, const char* name) {
  std::string text = text_of(given, name);
  if (!text.empty()) return text;
  return fail(Code::invalid_argument, std::string(name) + " is missing");
}

Result<bool> flag_of(const json& given, const char* name) {
  const auto found = given.find(name);
  if (found != given.end() && found->is_boolean()) return found->get<bool>();
  return fail(Code::invalid_argument, std::string(name) + " is true or false");
}

Result<std::int64_t> seconds_of(const json& given, std::int64_t otherwise) {
  const auto found = given.find("seconds");
  if (found == given.end()) return otherwise;
  if (found->is_number_integer() && *found >= -kMaxSeconds && *found <= kMaxSeconds) {
    return found->get<std::int64_t>();
  }
  return fail(Code::invalid_argument, "seconds is a number, a year at most");
}

tl::unexpected<Error> nobody(const std::string& name) {
  return fail(Code::not_found, "there is no " + name);
}

Result<json*> find_in(State& state, const char* kind, const std::string& name) {
  const auto found = state[kind].find(name);
  if (found == state[kind].end()) return nobody(name);
  return &*found;
}

// "customer" of "keyhold@customer.iam.gserviceaccount.com".
std::string project_of(const std::string& email) {
  const std::size_t at = email.find('@');
  if (at == std::string::npos || at == 0 || !email.ends_with(kDomain)) return {};
  return email.substr(at + 1, email.size() - at - 1 - std::string_view(kDomain).size());
}

}  // namespace

const std::map<std::string, Administration::Command, std::less<>>& Administration::commands() {
  static const std::map<std::string, Command, std::less<>> table = {
      {"account", &Administration::account},
      {"set-account", &Administration::set_account},
      {"delete-account", &Administration::delete_account},
      {"delete-account-key", &Administration::delete_account_key},
      {"user", &Administration::user},
      {"set-user", &Administration::set_user},
      {"provider", &Administration::provider},
      {"subject-token", &Administration::subject_token},
      {"set-instance-account", &Administration::set_instance_account},
      {"set-policy", &Administration::set_policy},
      {"grant", &Administration::grant},
      {"revoke", &Administration::revoke},
      {"token", &Administration::token},
      {"ring", &Administration::ring},
      {"key", &Administration::key},
      {"setup", &Administration::setup},
      {"list", &Administration::list},
  };
  return table;
}

void Administration::set_endpoints(const Endpoints& endpoints) {
  const std::lock_guard lock(mutex_);
  endpoints_ = endpoints;
}

Endpoints Administration::endpoints() const {
  const std::lock_guard lock(mutex_);
  return endpoints_;
}

Result<std::string> Administration::run(std::string_view command,
                                        std::string_view arguments) const {
  const auto found = commands().find(command);
  if (found == commands().end()) {
    return fail(Code::not_found, "gcp has no command " + std::string(command));
  }
  const json given = json::parse(arguments, nullptr, false);
  if (!given.is_object()) return fail(Code::invalid_argument, "arguments are a JSON object");
  try {
    KEYHOLD_TRY_ASSIGN(const json out, (this->*found->second)(given));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  } catch (const json::exception& error) {
    return fail(Code::invalid_argument, std::string("a member of another type: ") + error.what());
  }
}

Result<json> Administration::account(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  const std::string project = given.value("project", project_of(email));
  if (project_of(email).empty() || project.empty()) {
    return fail(Code::invalid_argument,
                "an account looks like NAME@PROJECT.iam.gserviceaccount.com");
  }
  KEYHOLD_TRY_ASSIGN(const auto pair, crypto::generate_rsa_pem());
  ByteVector id(20);
  shared_.machine().random.fill(id);
  const std::string key_id = to_hex(id);
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    json& account = state["accounts"][email];
    if (!account.is_null()) return fail(Code::already_exists, email + " exists");
    account = {{"project", project}, {"disabled", false}, {"keys", {{key_id, pair.public_key}}}};
    return {};
  }));
  return json{{"type", "service_account"}, {"project_id", project},
              {"private_key_id", key_id},  {"private_key", pair.private_key},
              {"client_email", email},     {"token_uri", endpoints().https + "/token"}};
}

Result<json> Administration::set_account(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  KEYHOLD_TRY_ASSIGN(const bool disabled, flag_of(given, "disabled"));
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    KEYHOLD_TRY_ASSIGN(json* const found, find_in(state, "accounts", email));
    (*found)["disabled"] = disabled;
    return {};
  }));
  return json::object();
}

Result<json> Administration::delete_account(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  const std::string member = "serviceAccount:" + email;
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    if (state["accounts"].erase(email) == 0) return nobody(email);
    state["policies"].erase("serviceAccounts/" + email);
    // An account made anew under the name is another one: nothing is left to it.
    for (json& policy : state["policies"]) {
      for (json& binding : policy["bindings"]) {
        json kept = json::array();
        for (const json& one : binding["members"]) {
          if (one != member) kept.push_back(one);
        }
        binding["members"] = kept;
      }
    }
    return {};
  }));
  return json::object();
}

Result<json> Administration::delete_account_key(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    KEYHOLD_TRY_ASSIGN(json* const found, find_in(state, "accounts", email));
    (*found)["keys"] = json::object();
    return {};
  }));
  return json::object();
}

Result<json> Administration::user(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    state["users"][email] = {{"revoked", false}};
    return {};
  }));
  KEYHOLD_TRY_ASSIGN(json out, oauth_->consent(email));
  out["token_uri"] = endpoints().https + "/token";
  return out;
}

Result<json> Administration::set_user(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  KEYHOLD_TRY_ASSIGN(const bool revoked, flag_of(given, "revoked"));
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    KEYHOLD_TRY_ASSIGN(json* const found, find_in(state, "users", email));
    (*found)["revoked"] = revoked;
    return {};
  }));
  return json::object();
}

Result<json> Administration::provider(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, wanted(given, "name"));
  KEYHOLD_TRY_ASSIGN(const std::string issuer, wanted(given, "issuer"));
  if (!name.starts_with("projects/") || name.find("/workloadIdentityPools/") == std::string::npos ||
      name.find("/providers/") == std::string::npos) {
    return fail(Code::invalid_argument,
                "a provider looks like "
                "projects/N/locations/global/workloadIdentityPools/POOL/providers/NAME");
  }
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    state["providers"][name] = {{"issuer", issuer}};
    return {};
  }));
  return json{{"audience", "//iam.googleapis.com/" + name},
              {"token_url", endpoints().https + "/v1/token"}};
}

Result<json> Administration::subject_token(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, wanted(given, "provider"));
  KEYHOLD_TRY_ASSIGN(const std::string subject, wanted(given, "subject"));
  KEYHOLD_TRY_ASSIGN(const std::int64_t seconds, seconds_of(given, 3600));
  const auto state = versions_->newest();
  const auto found = state->at("providers").find(name);
  if (found == state->at("providers").end()) return nobody(name);
  const std::string issuer = given.value("issuer", found->at("issuer").get<std::string>());
  const std::string audience = given.value("audience", "https://iam.googleapis.com/" + name);
  return json{{"token", oauth_->subject_token(issuer, subject, audience,
                                              identity_->now_seconds() + seconds)}};
}

Result<json> Administration::set_instance_account(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    KEYHOLD_TRY(find_in(state, "accounts", email));
    state["instance"] = email;
    return {};
  }));
  return json::object();
}

Result<json> Administration::set_policy(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string resource, wanted(given, "resource"));
  const json bindings = given.value("bindings", json());
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    const auto checked = check_bindings(state, bindings);
    if (!checked) return fail(Code::invalid_argument, checked.error().message);
    state["policies"][resource] = {{"bindings", bindings}};
    return {};
  }));
  return json::object();
}

Result<json> Administration::set_granted(const json& given, bool granted) const {
  KEYHOLD_TRY_ASSIGN(const std::string resource, wanted(given, "resource"));
  KEYHOLD_TRY_ASSIGN(const std::string role, wanted(given, "role"));
  KEYHOLD_TRY_ASSIGN(const std::string member, wanted(given, "member"));
  KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
    const json binding = {{"role", role}, {"members", json::array({member})}};
    const auto checked = check_bindings(state, json::array({binding}));
    if (!checked) return fail(Code::invalid_argument, checked.error().message);
    if (set_grant(state, resource, role, member, granted) || granted) return {};
    return nobody("grant of " + role + " to " + member + " on " + resource);
  }));
  return json::object();
}

Result<json> Administration::grant(const json& given) const {
  return set_granted(given, true);
}

Result<json> Administration::revoke(const json& given) const {
  return set_granted(given, false);
}

Result<json> Administration::token(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string email, wanted(given, "email"));
  KEYHOLD_TRY_ASSIGN(const std::int64_t seconds, seconds_of(given, 3600));
  KEYHOLD_TRY_ASSIGN(const std::string token,
                     identity_->issue({"serviceAccount:" + email,
                                       given.value("scope", std::string(kCloudPlatform))},
                                      std::chrono::seconds(seconds)));
  return json{{"access_token", token}};
}

Result<json> Administration::list(const json& /*given*/) const {
  const auto state = versions_->newest();
  json out = {{"accounts", json::array()},
              {"users", json::array()},
              {"grants", json::array()},
              {"key_rings", json::array()},
              {"keys", json::array()}};
  for (const auto& [email, account] : state->at("accounts").items()) {
    out["accounts"].push_back({{"email", email}, {"disabled", account.at("disabled")}});
  }
  for (const auto& [email, user] : state->at("users").items()) {
    out["users"].push_back({{"email", email}, {"revoked", user.at("revoked")}});
  }
  for (const auto& [resource, policy] : state->at("policies").items()) {
    for (const json& binding : policy.at("bindings")) {
      out["grants"].push_back({{"resource", resource},
                               {"role", binding.at("role")},
                               {"members", binding.at("members")}});
    }
  }
  for (const auto& [name, ring] : state->at("rings").items()) out["key_rings"].push_back(name);
  for (const auto& [name, key] : state->at("keys").items()) {
    out["keys"].push_back(key_json(name, key));
  }
  return out;
}

}  // namespace keyhold::devcloud::gcp
