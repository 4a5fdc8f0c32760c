#include "devcloud/aws/administration.h"

#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "base/timestamp.h"
#include "devcloud/aws/arn.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr const char* kMalformed = "MalformedPolicyDocument";
constexpr std::chrono::hours kMaxLifetime{24 * 365};

Error to_error(const AwsError& error) {
  const Code code = error.code == "NotFoundException" ? Code::not_found
                    : error.status >= 500             ? Code::io
                                                      : Code::invalid_argument;
  return {code, error.code + ": " + error.message};
}

template <typename T>
Result<T> to_result(Answer<T> answer) {
  if (!answer) return fail(to_error(answer.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(answer);
  }
}

Result<std::string> text_of(const json& given, const char* name) {
  const auto found = given.find(name);
  if (found == given.end() || !found->is_string() || found->get<std::string>().empty()) {
    return fail(Code::invalid_argument, std::string(name) + " is missing");
  }
  return found->get<std::string>();
}

// A document as an object or as its text; empty where there is none.
std::string document_of(const json& given, const char* name) {
  const auto found = given.find(name);
  if (found == given.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

Result<std::chrono::seconds> lifetime_of(const json& given) {
  const auto found = given.find("seconds");
  const bool good = found != given.end() && found->is_number_integer() &&
                    found->get<std::int64_t>() > 0 &&
                    std::chrono::seconds(found->get<std::int64_t>()) <= kMaxLifetime;
  if (!good) return fail(Code::invalid_argument, "seconds is between 1 and a year");
  return std::chrono::seconds(found->get<std::int64_t>());
}

// Names of users and roles (IAM, "Name requirements").
Status check_name(const std::string& name) {
  const bool clean = std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("+=,.@_-").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (clean && name.size() <= 64) return {};
  return fail(Code::invalid_argument, "\"" + name + "\" is no name of a user or role");
}

tl::unexpected<Error> nobody(const std::string& name) {
  return fail(Code::not_found, "there is no " + name);
}
tl::unexpected<Error> taken(const std::string& name) {
  return fail(Code::already_exists, name + " exists");
}

json to_document(const Credentials& credentials) {
  return {{"access_key_id", credentials.access_key_id},
          {"secret_access_key", std::string(credentials.secret_access_key)},
          {"session_token", credentials.session_token},
          {"expires", format_timestamp(credentials.expires)}};
}

}  // namespace

const std::map<std::string, Administration::Command, std::less<>>& Administration::commands() {
  static const std::map<std::string, Command, std::less<>> table = {
      {"create-account", &Administration::create_account},
      {"create-user", &Administration::create_user},
      {"create-access-key", &Administration::create_access_key},
      {"set-access-key", &Administration::set_access_key},
      {"create-role", &Administration::create_role},
      {"put-trust", &Administration::put_trust},
      {"put-policy", &Administration::put_policy},
      {"delete-policy", &Administration::delete_policy},
      {"delete-role", &Administration::delete_role},
      {"set-instance-role", &Administration::set_instance_role},
      {"issue-session", &Administration::issue_session},
      {"web-identity-token", &Administration::web_identity_token},
      {"kms", &Administration::kms},
      {"key", &Administration::key},
      {"setup", &Administration::setup},
      {"list", &Administration::list},
  };
  return table;
}

Result<std::string> Administration::run(std::string_view command,
                                        std::string_view arguments) const {
  const auto found = commands().find(command);
  if (found == commands().end()) {
    return fail(Code::not_found, "aws has no command " + std::string(command));
  }
  const json given = json::parse(arguments, nullptr, false);
  if (!given.is_object()) return fail(Code::invalid_argument, "arguments are a JSON object");
  try {
    KEYHOLD_TRY_ASSIGN(const json out, (this->*found->second)(given));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  } catch (const json::type_error& error) {
    return fail(Code::invalid_argument, std::string("a member of another type: ") + error.what());
  }
}

Result<json> Administration::create_account(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, text_of(given, "name"));
  std::string id = given.contains("id") ? document_of(given, "id") : "";
  if (id.empty()) {
    ByteVector random(6);
    shared_.machine().random.fill(random);
    for (const std::uint8_t byte : random) {
      id += std::to_string(byte / 10 % 10) + std::to_string(byte % 10);
    }
  }
  if (!is_account_id(id)) return fail(Code::invalid_argument, id + " is no account id");
  const std::string key = identity_->make_id("AKIA");
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    if (!state.accounts.emplace(id, Account{name, key}).second) return taken("account " + id);
    state.access_keys[key] = {root_arn(id), true};
    return {};
  }));
  return json{{"account", id},
              {"arn", root_arn(id)},
              {"access_key_id", key},
              {"secret_access_key", std::string(identity_->secret_of(key))}};
}

Result<json> Administration::create_user(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string account, text_of(given, "account"));
  KEYHOLD_TRY_ASSIGN(const std::string name, text_of(given, "name"));
  KEYHOLD_TRY(check_name(name));
  User user{account, name, identity_->make_id("AIDA"), {}};
  if (const std::string policy = document_of(given, "policy"); !policy.empty()) {
    KEYHOLD_TRY(to_result(check_policy(policy, false, kMalformed)));
    user.policies["keyhold"] = policy;
  }
  const std::string arn = user_arn(account, name);
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    if (!state.accounts.contains(account)) return nobody("account " + account);
    if (!state.users.emplace(arn, user).second) return taken(arn);
    return {};
  }));
  return json{{"arn", arn}, {"id", user.id}};
}

Result<json> Administration::create_access_key(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string principal, text_of(given, "principal"));
  const std::string key = identity_->make_id("AKIA");
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    const auto arn = parse_arn(principal);
    const bool is_root = arn && arn->resource == "root" && state.accounts.contains(arn->account);
    if (!is_root && !state.users.contains(principal)) return nobody(principal);
    state.access_keys[key] = {principal, true};
    return {};
  }));
  return json{{"access_key_id", key},
              {"secret_access_key", std::string(identity_->secret_of(key))}};
}

Result<json> Administration::set_access_key(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string id, text_of(given, "access_key_id"));
  const auto active = given.find("active");
  if (active == given.end() || !active->is_boolean()) {
    return fail(Code::invalid_argument, "active is true or false");
  }
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    const auto key = state.access_keys.find(id);
    if (key == state.access_keys.end()) return nobody("access key " + id);
    key->second.active = active->get<bool>();
    return {};
  }));
  return json::object();
}

Result<json> Administration::create_role(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string account, text_of(given, "account"));
  KEYHOLD_TRY_ASSIGN(const std::string name, text_of(given, "name"));
  KEYHOLD_TRY(check_name(name));
  Role role{account, name, identity_->make_id("AROA"), {}, {}, 3600};
  role.max_session_seconds = given.value("max_session_seconds", 3600);
  if (role.max_session_seconds < 3600 || role.max_session_seconds > 43'200) {
    return fail(Code::invalid_argument, "max_session_seconds is between 3600 and 43200");
  }
  if (const std::string policy = document_of(given, "policy"); !policy.empty()) {
    KEYHOLD_TRY(to_result(check_policy(policy, false, kMalformed)));
    role.policies["keyhold"] = policy;
  }
  const std::string trust = document_of(given, "trust");
  const std::string arn = role_arn(account, name);
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    if (!state.accounts.contains(account)) return nobody("account " + account);
    KEYHOLD_TRY_ASSIGN(role.trust, to_result(pin_policy(state, trust, kMalformed)));
    if (!state.roles.emplace(arn, role).second) return taken(arn);
    return {};
  }));
  return json{{"arn", arn}, {"id", role.id}};
}

Result<json> Administration::put_trust(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string arn, text_of(given, "role"));
  const std::string trust = document_of(given, "trust");
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    const auto role = state.roles.find(arn);
    if (role == state.roles.end()) return nobody(arn);
    KEYHOLD_TRY_ASSIGN(role->second.trust, to_result(pin_policy(state, trust, kMalformed)));
    return {};
  }));
  return json::object();
}

Result<json> Administration::put_policy(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string principal, text_of(given, "principal"));
  KEYHOLD_TRY_ASSIGN(const std::string name, text_of(given, "name"));
  const std::string document = document_of(given, "document");
  KEYHOLD_TRY(to_result(check_policy(document, false, kMalformed)));
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    const auto role = state.roles.find(principal);
    const auto user = state.users.find(principal);
    if (role != state.roles.end()) {
      role->second.policies[name] = document;
    } else if (user != state.users.end()) {
      user->second.policies[name] = document;
    } else {
      return nobody(principal);
    }
    return {};
  }));
  return json::object();
}

Result<json> Administration::delete_policy(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string principal, text_of(given, "principal"));
  KEYHOLD_TRY_ASSIGN(const std::string name, text_of(given, "name"));
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    const auto role = state.roles.find(principal);
    const auto user = state.users.find(principal);
    std::size_t gone = 0;
    if (role != state.roles.end()) gone = role->second.policies.erase(name);
    if (user != state.users.end()) gone = user->second.policies.erase(name);
    if (gone == 0) return nobody("policy " + name + " of " + principal);
    return {};
  }));
  return json::object();
}

Result<json> Administration::delete_role(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string arn, text_of(given, "role"));
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    if (state.roles.erase(arn) == 0) return nobody(arn);
    return {};
  }));
  return json::object();
}

Result<json> Administration::set_instance_role(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string arn, text_of(given, "role"));
  const std::string region = given.value("region", "us-east-1");
  if (!is_region(region)) return fail(Code::invalid_argument, region + " is no region");
  KEYHOLD_TRY(versions_->change([&](AwsState& state) -> Status {
    if (!state.roles.contains(arn)) return nobody(arn);
    state.instance_role = arn;
    state.instance_region = region;
    return {};
  }));
  return json::object();
}

Result<json> Administration::issue_session(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string arn, text_of(given, "role"));
  KEYHOLD_TRY_ASSIGN(const auto lifetime, lifetime_of(given));
  const auto state = versions_->newest();
  const auto role = state->roles.find(arn);
  if (role == state->roles.end()) return nobody(arn);
  KEYHOLD_TRY_ASSIGN(const Credentials made,
                     identity_->issue({arn, role->second.id, given.value("name", "session"),
                                       now() + lifetime, ""}));
  return to_document(made);
}

Result<json> Administration::web_identity_token(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string issuer, text_of(given, "issuer"));
  KEYHOLD_TRY_ASSIGN(const std::string subject, text_of(given, "subject"));
  KEYHOLD_TRY_ASSIGN(const std::string audience, text_of(given, "audience"));
  KEYHOLD_TRY_ASSIGN(const auto lifetime, lifetime_of(given));
  return json{{"token", sts_->web_identity_token(issuer, subject, audience, now() + lifetime)}};
}

Result<json> Administration::run_kms(const std::string& account, const std::string& region,
                                     const std::string& operation, const json& input) const {
  const auto state = versions_->newest();
  if (!state->accounts.contains(account)) return nobody("account " + account);
  if (!is_region(region)) return fail(Code::invalid_argument, region + " is no region");
  Caller root;
  root.kind = "Root";
  root.user_id = root.principal.account = root.principal.id = account;
  root.principal.arn = root_arn(account);
  json as_sent = input;
  if (as_sent.contains("Policy")) as_sent["Policy"] = document_of(as_sent, "Policy");
  return to_result(kms_->handle({root, region, operation, as_sent, state, now()}));
}

Result<json> Administration::kms(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string account, text_of(given, "account"));
  KEYHOLD_TRY_ASSIGN(const std::string region, text_of(given, "region"));
  KEYHOLD_TRY_ASSIGN(const std::string operation, text_of(given, "operation"));
  return run_kms(account, region, operation, given.value("input", json::object()));
}

Result<json> Administration::key(const json& given) const {
  KEYHOLD_TRY_ASSIGN(const std::string name, text_of(given, "key"));
  KEYHOLD_TRY_ASSIGN(const std::string operation, text_of(given, "operation"));
  const auto arn = parse_arn(name);
  if (!arn || arn->service != "kms") return fail(Code::invalid_argument, name + " is no key's ARN");
  json input = given.value("input", json::object());
  input["KeyId"] = name;
  return run_kms(arn->account, arn->region, operation, input);
}

Result<json> Administration::list(const json& /*given*/) const {
  const auto state = versions_->newest();
  json out = {{"accounts", json::array()},
              {"users", json::array()},
              {"roles", json::array()},
              {"keys", json::array()},
              {"aliases", json::array()}};
  for (const auto& [id, account] : state->accounts) {
    out["accounts"].push_back({{"account", id}, {"name", account.name}});
  }
  for (const auto& [arn, user] : state->users) out["users"].push_back({{"arn", arn}});
  for (const auto& [arn, role] : state->roles) {
    out["roles"].push_back({{"arn", arn}, {"trust", role.trust.text}});
  }
  for (const auto& [arn, key] : state->keys) {
    out["keys"].push_back(Kms::metadata(*state, key, now()));
  }
  for (const auto& [arn, alias] : state->aliases) {
    out["aliases"].push_back({{"arn", arn}, {"key_id", alias.key_id}});
  }
  return out;
}

}  // namespace keyhold::devcloud::aws
