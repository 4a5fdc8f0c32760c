#include "devcloud/aws/identity.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "devcloud/aws/arn.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr std::string_view kTokenPurpose = "aws session token";
constexpr std::string_view kSecretPurpose = "aws secret access key";
constexpr std::size_t kIdCharacters = 16;
constexpr std::size_t kSecretCharacters = 40;

std::int64_t to_number(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

const Role* role_of(const AwsState& state, const Caller& caller) {
  const auto found = state.roles.find(caller.principal.arn);
  const bool is_same = found != state.roles.end() && found->second.id == caller.principal.id;
  return is_same ? &found->second : nullptr;
}

const std::map<std::string, std::string>* policies_of(const AwsState& state, const Caller& caller) {
  if (caller.kind == "AssumedRole") {
    const Role* const role = role_of(state, caller);
    return role == nullptr ? nullptr : &role->policies;
  }
  const auto user = state.users.find(caller.principal.arn);
  return user == state.users.end() ? nullptr : &user->second.policies;
}

std::string no_policy_allows(std::string_view kind, const PolicyRequest& request) {
  return "because no " + std::string(kind) + "-based policy allows the " + request.action +
         " action";
}
std::string denied_by(std::string_view kind) {
  return "with an explicit deny in " + std::string(kind) + "-based policy";
}

Caller session_caller(const RoleSession& session, const std::string& access_key_id) {
  Caller caller;
  const auto arn = parse_arn(session.role_arn);
  caller.kind = "AssumedRole";
  caller.principal.account = arn ? arn->account : "";
  caller.principal.arn = session.role_arn;
  caller.principal.id = session.role_id;
  caller.principal.session_arn =
      session_arn(caller.principal.account, arn ? arn->name_of("role") : "", session.name);
  caller.user_id = session.role_id + ":" + session.name;
  caller.access_key_id = access_key_id;
  caller.session_policy = session.policy;
  return caller;
}

std::optional<Caller> key_caller(const AwsState& state, const std::string& access_key_id) {
  const auto key = state.access_keys.find(access_key_id);
  if (key == state.access_keys.end() || !key->second.active) return std::nullopt;
  Caller caller;
  caller.access_key_id = access_key_id;
  caller.principal.arn = key->second.principal;
  const auto user = state.users.find(key->second.principal);
  if (user != state.users.end()) {
    caller.kind = "IAMUser";
    caller.principal.account = user->second.account;
    caller.principal.id = caller.user_id = user->second.id;
    return caller;
  }
  const auto arn = parse_arn(key->second.principal);
  if (!arn || arn->resource != "root") return std::nullopt;
  caller.kind = "Root";
  caller.principal.account = arn->account;
  caller.principal.id = caller.user_id = arn->account;
  return caller;
}

}  // namespace

std::string Identity::make_id(std::string_view prefix) const {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::array<std::uint8_t, kIdCharacters> random{};
  random_->fill(random);
  std::string id(prefix);
  for (const std::uint8_t byte : random) id += kLetters[byte & 31U];
  return id;
}

WipedString Identity::secret_of(std::string_view access_key_id) const {
  WipedString secret;
  append_base64(secret, sealer_->derive(kSecretPurpose, access_key_id));
  secret.resize(kSecretCharacters);
  return secret;
}

Result<Credentials> Identity::issue(const RoleSession& session) const {
  Credentials made;
  made.access_key_id = make_id("ASIA");
  made.secret_access_key = secret_of(made.access_key_id);
  made.expires = session.expires;
  const json content = {
      {"k", made.access_key_id}, {"r", session.role_arn},           {"i", session.role_id},
      {"n", session.name},       {"x", to_number(session.expires)}, {"p", session.policy}};
  KEYHOLD_TRY_ASSIGN(const auto sealed, sealer_->seal(kTokenPurpose, as_bytes(content.dump())));
  made.session_token = to_base64(sealed);
  return made;
}

std::optional<RoleSession> Identity::session_of(const std::string& token,
                                                const std::string& access_key_id) const {
  const auto sealed = from_base64(token);
  if (!sealed) return std::nullopt;
  const auto opened = sealer_->unseal(kTokenPurpose, *sealed);
  if (!opened) return std::nullopt;
  const json content = json::parse(as_text(*opened));
  if (content.at("k") != access_key_id) return std::nullopt;
  return RoleSession{content.at("r"), content.at("i"), content.at("n"),
                     WallTime(std::chrono::milliseconds(content.at("x").get<std::int64_t>())),
                     content.at("p")};
}

Answer<Caller> Identity::caller_of(const AwsState& state, const net::HttpCall& call,
                                   const Authorization& authorization, WallTime now,
                                   Protocol protocol) const {
  const std::string* const token = call.header("x-amz-security-token");
  const std::string& access_key_id = authorization.access_key_id;
  if (!access_key_id.starts_with("ASIA")) {
    const auto caller = token == nullptr ? key_caller(state, access_key_id) : std::nullopt;
    if (!caller) return tl::unexpected(unknown_client(protocol));
    return *caller;
  }
  const auto session = token == nullptr ? std::nullopt : session_of(*token, access_key_id);
  if (!session) return tl::unexpected(unknown_client(protocol));
  if (session->expires <= now) return tl::unexpected(expired_token(protocol));
  return session_caller(*session, access_key_id);
}

Answer<Caller> Identity::authenticate(const AwsState& state, const net::HttpCall& call,
                                      const Authorization& authorization, WallTime now,
                                      Protocol protocol) const {
  auto caller = caller_of(state, call, authorization, now, protocol);
  if (!caller) return caller;
  if (const auto timely = check_time(call, authorization, now, protocol); !timely) {
    return tl::unexpected(timely.error());
  }
  const auto good =
      check_signature(call, authorization, secret_of(authorization.access_key_id), protocol);
  if (!good) return tl::unexpected(good.error());
  return caller;
}

PolicyVerdict judge_identity(const AwsState& state, const Caller& caller,
                             const PolicyRequest& request) {
  PolicyVerdict verdict;
  if (caller.is_root()) {
    verdict.allow_directly = true;
    return verdict;
  }
  const auto* const policies = policies_of(state, caller);
  if (policies == nullptr) return verdict;
  for (const auto& [name, text] : *policies) {
    const PolicyVerdict one = cloud::aws::judge_identity_policy(text, request);
    verdict.deny = verdict.deny || one.deny;
    verdict.allow_directly = verdict.allow_directly || one.allow_directly;
  }
  if (!caller.session_policy.empty()) {
    const PolicyVerdict session = cloud::aws::judge_identity_policy(caller.session_policy, request);
    verdict.deny = verdict.deny || session.deny;
    verdict.allow_directly = verdict.allow_directly && session.allow_directly;
  }
  return verdict;
}

Decision decide(const AwsState& state, const Caller& caller, const PolicyRequest& request,
                const Policy& resource_policy, const std::string& owner) {
  const PolicyVerdict resource = judge_resource_policy(resource_policy, request);
  const PolicyVerdict identity = judge_identity(state, caller, request);
  if (resource.deny) return {false, denied_by("a resource")};
  if (identity.deny) return {false, denied_by("an identity")};
  // What a deleted role once could, its sessions cannot any more.
  if (caller.kind == "AssumedRole" && role_of(state, caller) == nullptr) {
    return {false, no_policy_allows("identity", request)};
  }
  if (!resource.allow_directly && !resource.allow_account) {
    return {false, no_policy_allows("resource", request)};
  }
  const bool bounded = !caller.session_policy.empty();
  const bool enough = resource.allow_directly && caller.principal.account == owner && !bounded;
  if (!enough && !identity.allow_directly) return {false, no_policy_allows("identity", request)};
  return {true, ""};
}

Decision decide_by_identity(const AwsState& state, const Caller& caller,
                            const PolicyRequest& request) {
  const PolicyVerdict identity = judge_identity(state, caller, request);
  if (identity.deny) return {false, denied_by("an identity")};
  if (!identity.allow_directly) return {false, no_policy_allows("identity", request)};
  return {true, ""};
}

std::multimap<std::string, std::string> global_context(const Caller& caller) {
  std::multimap<std::string, std::string> context = {
      {"aws:principalarn", caller.principal.arn},
      {"aws:principalaccount", caller.principal.account},
      {"aws:securetransport", "true"}};
  const auto arn = parse_arn(caller.principal.arn);
  if (arn && caller.kind == "IAMUser") context.emplace("aws:username", arn->name_of("user"));
  return context;
}

Answer<void> check_policy(const std::string& text, bool on_resource, const std::string& code) {
  const auto wrong = cloud::aws::wrong_policy(text, on_resource);
  if (!wrong) return {};
  return refuse(code, "The policy is not valid: " + *wrong);
}

Answer<Policy> pin_policy(const AwsState& state, const std::string& text, const std::string& code) {
  if (const auto good = check_policy(text, true, code); !good) return tl::unexpected(good.error());
  Policy policy{text, {}};
  for (const std::string& name : cloud::aws::principals_of(text)) {
    const auto arn = parse_arn(name);
    if (arn && arn->service == "sts" && arn->resource.starts_with("assumed-role/")) continue;
    const auto user = state.users.find(name);
    const auto role = state.roles.find(name);
    if (user != state.users.end()) {
      policy.pins[name] = user->second.id;
    } else if (role != state.roles.end()) {
      policy.pins[name] = role->second.id;
    } else {
      return refuse(code, "Policy contains a statement with one or more invalid principals.");
    }
  }
  return policy;
}

}  // namespace keyhold::devcloud::aws
