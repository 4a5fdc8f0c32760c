// OAuth's token endpoint (RFC 7523) and IAM Service Account Credentials' generateAccessToken.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/rsa_verify.h"
#include "devcloud/gcp/gcp.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kPurpose = "gcp access token";
constexpr std::string_view kPrefix = "ya29.c.";
constexpr const char* kJwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::int64_t kSkewSeconds = 300;
constexpr std::int64_t kLongestSeconds = 3600;

net::HttpAnswer answer_of(int status, const json& body) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "application/json; charset=UTF-8"}};
  answer.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return answer;
}

net::HttpAnswer grant_refused(const std::string& why) {
  return answer_of(400, {{"error", "invalid_grant"}, {"error_description", why}});
}

json decoded(const std::string& part) {
  const auto bytes = from_base64url(part);
  return bytes ? json::parse(as_text(*bytes), nullptr, false) : json();
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// Empty where the assertion holds.
std::string fault_of(const State& state, const std::string& assertion, const std::string& audience,
                     std::int64_t now, std::string& email) {
  const auto parts = split(assertion, '.');
  if (parts.size() != 3) return "Invalid JWT";
  const json header = decoded(parts[0]);
  const json claims = decoded(parts[1]);
  if (text_of(header, "alg") != "RS256" || !claims.is_object()) return "Invalid JWT Signature.";
  email = text_of(claims, "iss");
  const auto account = state.at("accounts").find(email);
  if (account == state.at("accounts").end()) return "Invalid grant: account not found";
  const auto key = account->at("keys").find(text_of(header, "kid"));
  const auto signature = from_base64url(parts[2]);
  if (key == account->at("keys").end() || !signature ||
      !crypto::rsa_verify_sha256(key->get<std::string>(), as_bytes(parts[0] + "." + parts[1]),
                                 *signature)) {
    return "Invalid JWT Signature.";
  }
  if (account->at("disabled").get<bool>()) return "Invalid grant: account is disabled";
  if (text_of(claims, "aud") != audience) return "Invalid JWT: Failed audience check.";
  const std::int64_t issued = number_of(claims, "iat");
  const std::int64_t expires = number_of(claims, "exp");
  if (issued > now + kSkewSeconds || expires < now - kSkewSeconds || expires <= issued ||
      expires - issued > kLongestSeconds) {
    return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
           "timeframe. Check your iat and exp values in the JWT claim.";
  }
  return {};
}

}  // namespace

Result<std::string> Gcp::new_token(const std::string& email, std::chrono::seconds lifetime) const {
  const json content = {{"email", email}, {"until", now_ms() + lifetime.count() * 1000}};
  KEYHOLD_TRY_ASSIGN(const auto sealed, shared_.sealer.seal(kPurpose, as_bytes(content.dump())));
  return std::string(kPrefix) + to_base64url(sealed);
}

net::HttpAnswer Gcp::give_token(const net::HttpCall& call) {
  const auto form = form_values(call.body);
  const auto grant = form.find("grant_type");
  const auto assertion = form.find("assertion");
  if (grant == form.end() || grant->second != kJwtBearer || assertion == form.end()) {
    return answer_of(400, {{"error", "unsupported_grant_type"},
                           {"error_description", "Invalid grant_type: only jwt-bearer is given"}});
  }
  const std::string* const host = call.header("host");
  const std::string audience = "https://" + (host == nullptr ? "" : *host) + call.path;
  std::string email;
  const std::string why =
      fault_of(*versions_->visible(), assertion->second, audience, now_ms() / 1000, email);
  const GcpError error{.code = 400, .status = "invalid_grant", .message = why};
  if (!keep("oauth2", "Token", email, email, why.empty() ? nullptr : &error)) {
    return answer_of(500, {{"error", "internal_failure"}});
  }
  if (!why.empty()) return grant_refused(why);
  const auto token = new_token(email, std::chrono::hours(1));
  if (!token) return answer_of(500, {{"error", "internal_failure"}});
  return answer_of(200, {{"access_token", *token}, {"expires_in", 3599}, {"token_type", "Bearer"}});
}

Answer<std::string> Gcp::principal_of(const net::HttpCall& call, const State& state) const {
  const auto unauthenticated = [] {
    return refuse(401, "UNAUTHENTICATED",
                  "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                  "login cookie or other valid authentication credential.",
                  json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                                {"reason", "ACCESS_TOKEN_EXPIRED"},
                                {"domain", "googleapis.com"}}}));
  };
  const std::string* const header = call.header("authorization");
  const std::string start = "Bearer " + std::string(kPrefix);
  if (header == nullptr || !header->starts_with(start)) return unauthenticated();
  const auto sealed = from_base64url(std::string_view(*header).substr(start.size()));
  if (!sealed) return unauthenticated();
  const auto opened = shared_.sealer.unseal(kPurpose, *sealed);
  if (!opened) return unauthenticated();
  const json content = json::parse(as_text(*opened));
  if (content.at("until").get<std::int64_t>() <= now_ms()) return unauthenticated();
  const auto email = content.at("email").get<std::string>();
  const auto account = state.at("accounts").find(email);
  if (account != state.at("accounts").end() && !account->at("disabled").get<bool>()) return email;
  return refuse(401, "UNAUTHENTICATED", "The service account is disabled or deleted.",
                json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                              {"reason", "ACCOUNT_STATE_INVALID"},
                              {"domain", "googleapis.com"}}}));
}

Answer<json> Gcp::impersonate(const net::HttpCall& call, std::string& who) const {
  const auto state = versions_->visible();
  auto principal = principal_of(call, *state);
  if (!principal) return tl::unexpected(principal.error());
  who = *principal;
  const json body = json::parse(call.body, nullptr, false);
  if (!body.is_object() || !body.contains("scope")) return invalid("scope is required");
  std::vector<std::string> chain;
  for (const json& delegate : body.value("delegates", json::array())) {
    if (!delegate.is_string()) return invalid("delegates are names");
    chain.push_back(delegate.get<std::string>());
  }
  chain.push_back(call.path.substr(4, call.path.rfind(':') - 4));
  std::string from = *principal;
  for (const std::string& name : chain) {
    const std::string email = name.substr(name.rfind('/') + 1);
    if (auto allowed = check_allowed(*state, from, "iam.serviceAccounts.getAccessToken",
                                     "serviceAccounts/" + email);
        !allowed) {
      return tl::unexpected(allowed.error());
    }
    const auto account = state->at("accounts").find(email);
    if (account == state->at("accounts").end() || account->at("disabled").get<bool>()) {
      return refuse(400, "FAILED_PRECONDITION", "Service account " + email + " is disabled.");
    }
    from = email;
  }
  const std::string lifetime = body.value("lifetime", "3600s");
  const std::int64_t seconds = std::strtoll(lifetime.c_str(), nullptr, 10);
  if (!lifetime.ends_with('s') || seconds < 1 || seconds > kLongestSeconds) {
    return invalid("Lifetime cannot be greater than 3600 seconds.");
  }
  const auto token = new_token(from, std::chrono::seconds(seconds));
  if (!token) return refuse(500, "INTERNAL", token.error().message());
  const WallTime ends = shared_.machine().clock.wall_now() + std::chrono::seconds(seconds);
  return json{{"accessToken", *token}, {"expireTime", format_timestamp(ends).substr(0, 19) + "Z"}};
}

}  // namespace keyhold::devcloud::gcp
