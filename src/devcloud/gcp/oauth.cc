#include "devcloud/gcp/oauth.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr const char* kJwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr const char* kExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr const char* kAccessToken = "urn:ietf:params:oauth:token-type:access_token";
constexpr const char* kGooglesEndpoint = "https://oauth2.googleapis.com/token";
constexpr const char* kClientId = "keyhold-devcloud.apps.googleusercontent.com";
constexpr std::string_view kRefreshPurpose = "gcp refresh token";
constexpr std::string_view kSubjectPurpose = "gcp subject token";
constexpr std::string_view kRefreshPrefix = "1//0";
constexpr std::string_view kScopeStart = "https://www.googleapis.com/auth/";
constexpr std::string_view kIam = "//iam.googleapis.com/";
constexpr std::chrono::seconds kLifetime{3600};

tl::unexpected<OauthError> refused(int status, const char* error, std::string description) {
  return tl::unexpected(OauthError{status, error, std::move(description)});
}

std::string value_of(const Oauth::Form& form, const char* name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string() : found->second;
}

bool are_scopes(const std::string& text) {
  for (const std::string& scope : split(text, ' ')) {
    if (!scope.starts_with(kScopeStart) || scope.size() == kScopeStart.size()) return false;
  }
  return true;
}

// "projects/…/workloadIdentityPools/POOL" of a provider's name.
std::string pool_of(const std::string& provider) {
  return provider.substr(0, provider.find("/providers/"));
}

}  // namespace

void Oauth::set_endpoint(const std::string& url) {
  const std::lock_guard lock(mutex_);
  endpoint_ = url;
}

Oauth::Outcome Oauth::given(const Caller& caller) const {
  const auto token = identity_->issue(caller, kLifetime);
  if (!token) return refused(500, "internal_failure", token.error().message());
  return json{{"access_token", *token},
              {"expires_in", kLifetime.count() - 1},
              {"scope", caller.scopes},
              {"token_type", "Bearer"}};
}

Oauth::Outcome Oauth::token(const Form& form, const State& state, std::string& who) const {
  const std::string grant = value_of(form, "grant_type");
  if (grant == kJwtBearer) return by_assertion(form, state, who);
  if (grant == "refresh_token") return by_refresh_token(form, state, who);
  return refused(400, "unsupported_grant_type", "Invalid grant_type: " + grant);
}

Oauth::Outcome Oauth::by_assertion(const Form& form, const State& state, std::string& who) const {
  const auto assertion = identity_->verify(state, value_of(form, "assertion"), who);
  if (!assertion) return refused(400, "invalid_grant", assertion.error());
  {
    const std::lock_guard lock(mutex_);
    const bool ours = !endpoint_.empty() && assertion->audience == endpoint_;
    if (!ours && assertion->audience != kGooglesEndpoint) {
      return refused(400, "invalid_grant", "Invalid JWT: Failed audience check.");
    }
  }
  if (!assertion->subject.empty() && assertion->subject != assertion->email) {
    return refused(401, "unauthorized_client",
                   "Client is unauthorized to retrieve access tokens using this method, or client "
                   "not authorized for any of the scopes requested.");
  }
  if (!are_scopes(assertion->scopes)) {
    return refused(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
  }
  return given({"serviceAccount:" + assertion->email, assertion->scopes});
}

std::string Oauth::client_secret() const {
  return "GOCSPX-" + to_base64url(shared_.sealer.derive("gcp client secret", kClientId));
}

Result<json> Oauth::consent(const std::string& email) const {
  KEYHOLD_TRY_ASSIGN(const auto sealed, shared_.sealer.seal(kRefreshPurpose, as_bytes(email)));
  return json{{"type", "authorized_user"},
              {"client_id", kClientId},
              {"client_secret", client_secret()},
              {"refresh_token", std::string(kRefreshPrefix) + to_base64url(sealed)}};
}

Oauth::Outcome Oauth::by_refresh_token(const Form& form, const State& state,
                                       std::string& who) const {
  if (value_of(form, "client_id") != kClientId) {
    return refused(401, "invalid_client", "The OAuth client was not found.");
  }
  if (!crypto::equal_constant_time(as_bytes(value_of(form, "client_secret")),
                                   as_bytes(client_secret()))) {
    return refused(401, "invalid_client", "The provided client secret is invalid.");
  }
  const std::string token = value_of(form, "refresh_token");
  if (!token.starts_with(kRefreshPrefix)) return refused(400, "invalid_grant", "Bad Request");
  const auto sealed = from_base64url(token.substr(kRefreshPrefix.size()));
  if (!sealed) return refused(400, "invalid_grant", "Bad Request");
  const auto opened = shared_.sealer.unseal(kRefreshPurpose, *sealed);
  if (!opened) return refused(400, "invalid_grant", "Bad Request");
  who = as_text(*opened);
  const auto user = state.at("users").find(who);
  if (user == state.at("users").end() || user->at("revoked").get<bool>()) {
    return refused(400, "invalid_grant", "Token has been expired or revoked.");
  }
  const std::string scope = value_of(form, "scope");
  if (!scope.empty() && scope != kCloudPlatform) {
    return refused(400, "invalid_scope", "Some requested scopes were not granted: " + scope);
  }
  return given({"user:" + who, kCloudPlatform});
}

std::string Oauth::subject_token(const std::string& issuer, const std::string& subject,
                                 const std::string& audience, std::int64_t expires_seconds) const {
  const json header = {{"alg", "HS256"}, {"typ", "JWT"}};
  const json claims = {
      {"iss", issuer}, {"sub", subject}, {"aud", audience}, {"exp", expires_seconds}};
  const std::string text =
      to_base64url(as_bytes(header.dump())) + "." + to_base64url(as_bytes(claims.dump()));
  const auto key = shared_.sealer.derive(kSubjectPurpose, issuer);
  return text + "." + to_base64url(crypto::hmac_sha256_of(key, as_bytes(text)));
}

tl::expected<std::string, OauthError> Oauth::subject_of(const std::string& jwt,
                                                        const std::string& issuer,
                                                        const std::string& provider) const {
  const auto parts = split(jwt, '.');
  const json claims = parts.size() == 3 ? jwt_part(parts[1]) : json();
  if (!claims.is_object()) {
    return refused(400, "invalid_grant", "Error code invalid_jwt: the subject token is no JWT.");
  }
  const auto key = shared_.sealer.derive(kSubjectPurpose, issuer);
  const std::string wanted =
      to_base64url(crypto::hmac_sha256_of(key, as_bytes(parts[0] + "." + parts[1])));
  if (text_of(claims, "iss") != issuer) {
    return refused(400, "invalid_grant",
                   "The issuer in ID Token " + text_of(claims, "iss") +
                       " does not match the expected ones configured: " + issuer);
  }
  if (!crypto::equal_constant_time(as_bytes(wanted), as_bytes(parts[2]))) {
    return refused(400, "invalid_grant",
                   "Error connecting to the given credential's issuer, or "
                   "its signature is not valid.");
  }
  const std::string audience = text_of(claims, "aud");
  if (audience != "https:" + provider) {
    return refused(400, "invalid_grant",
                   "The audience in ID Token [" + audience +
                       "] does not match the expected audience https:" + provider);
  }
  const auto expires = claims.find("exp");
  if (expires == claims.end() || !expires->is_number_integer() ||
      expires->get<std::int64_t>() <= identity_->now_seconds()) {
    return refused(400, "invalid_grant", "ID Token is stale to sign-in.");
  }
  return text_of(claims, "sub");
}

Oauth::Outcome Oauth::exchange(const Form& form, const State& state, std::string& who) const {
  if (value_of(form, "grant_type") != kExchange) {
    return refused(400, "unsupported_grant_type", "Only token exchange is supported.");
  }
  if (value_of(form, "requested_token_type") != kAccessToken) {
    return refused(400, "invalid_request", "Invalid value for \"requested_token_type\".");
  }
  const std::string type = value_of(form, "subject_token_type");
  if (type != "urn:ietf:params:oauth:token-type:jwt" &&
      type != "urn:ietf:params:oauth:token-type:id_token") {
    return refused(400, "invalid_request", "Invalid value for \"subject_token_type\".");
  }
  if (!are_scopes(value_of(form, "scope"))) {
    return refused(400, "invalid_scope", "Invalid scope.");
  }
  const std::string audience = value_of(form, "audience");
  who = audience;
  const std::string provider =
      audience.starts_with(kIam) ? audience.substr(kIam.size()) : std::string();
  const auto found = state.at("providers").find(provider);
  if (found == state.at("providers").end()) {
    return refused(400, "invalid_target",
                   "The target service indicated by the \"audience\" parameters is invalid. This "
                   "might either be because the pool or provider is disabled or deleted or because "
                   "it doesn't exist.");
  }
  KEYHOLD_TRY_ASSIGN(const std::string subject,
                     subject_of(value_of(form, "subject_token"),
                                found->at("issuer").get<std::string>(), audience));
  who = "principal:" + std::string(kIam) + pool_of(provider) + "/subject/" + subject;
  KEYHOLD_TRY_ASSIGN(json out, given({who, value_of(form, "scope")}));
  out["issued_token_type"] = kAccessToken;
  return out;
}

net::HttpAnswer oauth_answer(const Oauth::Outcome& outcome) {
  net::HttpAnswer answer;
  answer.headers = {{"Content-Type", "application/json; charset=UTF-8"},
                    {"Cache-Control", "no-store"}};
  json body;
  if (outcome) {
    body = *outcome;
  } else {
    answer.status = outcome.error().status;
    body = {{"error", outcome.error().error}, {"error_description", outcome.error().description}};
  }
  answer.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return answer;
}

}  // namespace keyhold::devcloud::gcp
