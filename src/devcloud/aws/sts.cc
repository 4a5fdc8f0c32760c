#include "devcloud/aws/sts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "devcloud/aws/arn.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr int kMinSeconds = 900;
constexpr int kDefaultSeconds = 3600;
constexpr int kMaxChainedSeconds = 3600;
constexpr std::string_view kWebIdentityPurpose = "aws web identity";

std::string value_of(const std::map<std::string, std::string>& form, const std::string& name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string() : found->second;
}

tl::unexpected<AwsError> invalid(const std::string& message) {
  return refuse("ValidationError", message, 400);
}

std::string element(const std::string& name, std::string_view value) {
  return "<" + name + ">" + xml_escape(value) + "</" + name + ">";
}

bool is_session_name(const std::string& name) {
  return name.size() >= 2 && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
           return std::isalnum(c) != 0 ||
                  std::string_view("_+=,.@-").find(static_cast<char>(c)) != std::string_view::npos;
         });
}

// The same words for a role that is not there and one that does not trust the caller.
tl::unexpected<AwsError> not_authorized(const std::string& who, const std::string& action,
                                        const std::string& role) {
  return refuse("AccessDenied",
                (who.empty() ? "Not authorized" : "User: " + who + " is not authorized") +
                    std::string(" to perform") + (who.empty() ? " " : ": ") + action +
                    (who.empty() ? "" : " on resource: " + role),
                403);
}

Answer<std::string> role_name_checked(const StsCall& call) {
  const std::string arn = value_of(call.form, "RoleArn");
  if (arn.empty())
    return invalid(
        "1 validation error detected: Value null at 'roleArn' failed to "
        "satisfy constraint: Member must not be null");
  const auto parsed = parse_arn(arn);
  if (!parsed || parsed->service != "iam") return invalid(arn + " is invalid");
  if (!is_session_name(value_of(call.form, "RoleSessionName"))) {
    return invalid(
        "1 validation error detected: Value at 'roleSessionName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*");
  }
  return arn;
}

Answer<void> check_external_id(const std::string& id) {
  const bool clean = std::ranges::all_of(id, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_+=,.@:/-").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (id.size() >= 2 && id.size() <= 1224 && clean) return {};
  return invalid(
      "1 validation error detected: Value at 'externalId' failed to satisfy constraint: "
      "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*");
}

}  // namespace

struct Sts::WebIdentity {
  std::string issuer;
  std::string subject;
  std::string audience;
};

Answer<int> session_seconds(const std::map<std::string, std::string>& form, const Role& role,
                            bool chained) {
  const std::string text = value_of(form, "DurationSeconds");
  int seconds = std::min(kDefaultSeconds, role.max_session_seconds);
  if (!text.empty()) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) seconds = 0;
  }
  if (seconds < kMinSeconds) {
    return invalid(
        "1 validation error detected: Value at 'durationSeconds' failed to satisfy "
        "constraint: Member must have value greater than or equal to 900");
  }
  if (chained && seconds > kMaxChainedSeconds) {
    return invalid(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles "
        "assumed by role chaining.");
  }
  if (seconds > role.max_session_seconds) {
    return invalid(
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  return seconds;
}

bool Sts::is_open(std::string_view action) {
  return action == "AssumeRoleWithWebIdentity";
}

Answer<std::string> Sts::handle(const std::string& action, const StsCall& call) const {
  if (action == "AssumeRoleWithWebIdentity") return assume_with_web_identity(call);
  if (action == "AssumeRole") return assume_role(call);
  if (action == "GetCallerIdentity") {
    return element("Arn", call.caller->arn()) + element("UserId", call.caller->user_id) +
           element("Account", call.caller->principal.account);
  }
  return refuse("InvalidAction", "Could not find operation " + action + " for version 2011-06-15",
                400);
}

Answer<std::string> Sts::session_xml(const Role& role, const StsCall& call, int seconds) const {
  const std::string name = value_of(call.form, "RoleSessionName");
  RoleSession session{role_arn(role.account, role.name), role.id, name,
                      call.now + std::chrono::seconds(seconds), value_of(call.form, "Policy")};
  const auto made = identity_->issue(session);
  if (!made) return refuse("InternalFailure", made.error().message(), 500);
  return "<AssumedRoleUser>" + element("AssumedRoleId", role.id + ":" + name) +
         element("Arn", session_arn(role.account, role.name, name)) + "</AssumedRoleUser>" +
         "<Credentials>" + element("AccessKeyId", made->access_key_id) +
         element("SecretAccessKey", made->secret_access_key) +
         element("SessionToken", made->session_token) +
         element("Expiration", format_timestamp(made->expires).substr(0, 19) + "Z") +
         "</Credentials>";
}

Answer<std::string> Sts::assume_role(const StsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const std::string arn, role_name_checked(call));
  const Caller& caller = *call.caller;
  if (caller.is_root()) {
    return refuse("AccessDenied", "Roles may not be assumed by root accounts.", 403);
  }
  const std::string external_id = value_of(call.form, "ExternalId");
  if (call.form.contains("ExternalId")) KEYHOLD_TRY(check_external_id(external_id));
  const std::string policy = value_of(call.form, "Policy");
  if (!policy.empty()) KEYHOLD_TRY(check_policy(policy, false, "MalformedPolicyDocument"));
  const auto role = call.state->roles.find(arn);
  if (role == call.state->roles.end()) return not_authorized(caller.arn(), "sts:AssumeRole", arn);
  PolicyRequest request{caller.principal, "sts:AssumeRole", arn, global_context(caller)};
  if (!external_id.empty()) request.context.emplace("sts:externalid", external_id);
  request.context.emplace("sts:rolesessionname", value_of(call.form, "RoleSessionName"));
  const Decision decision =
      decide(*call.state, caller, request, role->second.trust, role->second.account);
  if (!decision.allowed) return not_authorized(caller.arn(), "sts:AssumeRole", arn);
  KEYHOLD_TRY_ASSIGN(const int seconds,
                     session_seconds(call.form, role->second, caller.kind == "AssumedRole"));
  return session_xml(role->second, call, seconds);
}

std::string Sts::web_identity_token(const std::string& issuer, const std::string& subject,
                                    const std::string& audience, WallTime expires) const {
  const json header = {{"alg", "HS256"}, {"typ", "JWT"}};
  const json claims = {
      {"iss", "https://" + issuer},
      {"sub", subject},
      {"aud", audience},
      {"exp",
       std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch()).count()}};
  const std::string text =
      to_base64url(as_bytes(header.dump())) + "." + to_base64url(as_bytes(claims.dump()));
  const auto key = sealer_->derive(kWebIdentityPurpose, issuer);
  return text + "." + to_base64url(crypto::hmac_sha256_of(key, as_bytes(text)));
}

Answer<Sts::WebIdentity> Sts::verify(const std::string& token, WallTime now) const {
  const auto invalid_token = [] {
    return refuse("InvalidIdentityToken",
                  "Couldn't retrieve verification key from your identity provider, or the token is "
                  "not signed by it",
                  400);
  };
  const auto parts = split(token, '.');
  const auto claims_text = parts.size() == 3 ? from_base64url(parts[1]) : Result<ByteVector>();
  if (parts.size() != 3 || !claims_text) return invalid_token();
  const json claims = json::parse(as_text(*claims_text), nullptr, false);
  if (!claims.is_object()) return invalid_token();
  std::string issuer = claims.value("iss", "");
  if (!issuer.starts_with("https://")) return invalid_token();
  issuer.erase(0, std::string_view("https://").size());
  const auto key = sealer_->derive(kWebIdentityPurpose, issuer);
  const std::string wanted =
      to_base64url(crypto::hmac_sha256_of(key, as_bytes(parts[0] + "." + parts[1])));
  if (!crypto::equal_constant_time(as_bytes(wanted), as_bytes(parts[2]))) return invalid_token();
  const WallTime expires{std::chrono::seconds(claims.value("exp", std::int64_t{0}))};
  if (expires <= now) {
    return refuse("ExpiredTokenException", "Token expired: current date/time is past its exp claim",
                  400);
  }
  return WebIdentity{issuer, claims.value("sub", ""), claims.value("aud", "")};
}

Answer<std::string> Sts::assume_with_web_identity(const StsCall& call) const {
  constexpr const char* kAction = "sts:AssumeRoleWithWebIdentity";
  KEYHOLD_TRY_ASSIGN(const std::string arn, role_name_checked(call));
  KEYHOLD_TRY_ASSIGN(const WebIdentity who,
                     verify(value_of(call.form, "WebIdentityToken"), call.now));
  const auto role = call.state->roles.find(arn);
  if (role == call.state->roles.end()) return not_authorized("", kAction, arn);
  Principal principal;
  principal.federated = "arn:aws:iam::" + role->second.account + ":oidc-provider/" + who.issuer;
  const PolicyRequest request{principal,
                              kAction,
                              arn,
                              {{to_lower(who.issuer) + ":sub", who.subject},
                               {to_lower(who.issuer) + ":aud", who.audience}}};
  const PolicyVerdict verdict = judge_resource_policy(role->second.trust, request);
  if (verdict.deny || !verdict.allow_directly) return not_authorized("", kAction, arn);
  KEYHOLD_TRY_ASSIGN(const int seconds, session_seconds(call.form, role->second, false));
  KEYHOLD_TRY_ASSIGN(const std::string session, session_xml(role->second, call, seconds));
  return element("SubjectFromWebIdentityToken", who.subject) + element("Audience", who.audience) +
         element("Provider", principal.federated) + session;
}

}  // namespace keyhold::devcloud::aws
