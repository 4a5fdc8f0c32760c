#include "devcloud/gcp/identity.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "crypto/rsa_verify.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kPurpose = "gcp access token";
constexpr std::string_view kPrefix = "ya29.c.";
constexpr std::string_view kServiceAccount = "serviceAccount:";
constexpr std::int64_t kSkewSeconds = 300;
constexpr std::int64_t kLongestSeconds = 3600;

std::int64_t number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

tl::unexpected<GcpError> unauthenticated(const std::string& reason) {
  return refuse_for(401, "UNAUTHENTICATED",
                    "Request had invalid authentication credentials. Expected OAuth 2 access "
                    "token, login cookie or other valid authentication credential.",
                    reason);
}

// A token outlives neither its account nor its user.
Answer<void> check_lives(const State& state, const Caller& caller) {
  const std::string name = caller.name();
  if (caller.member.starts_with(kServiceAccount)) {
    const auto account = state.at("accounts").find(name);
    if (account != state.at("accounts").end() && !account->at("disabled").get<bool>()) return {};
    return refuse_for(401, "UNAUTHENTICATED", "The service account is disabled or deleted.",
                      "ACCOUNT_STATE_INVALID");
  }
  if (!caller.member.starts_with("user:")) return {};
  const auto user = state.at("users").find(name);
  if (user != state.at("users").end() && !user->at("revoked").get<bool>()) return {};
  return unauthenticated("ACCESS_TOKEN_EXPIRED");
}

}  // namespace

std::string text_of(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json jwt_part(const std::string& part) {
  const auto bytes = from_base64url(part);
  return bytes ? json::parse(as_text(*bytes), nullptr, false) : json();
}

std::string Caller::name() const {
  if (member.starts_with("principal://")) return member;
  const std::size_t colon = member.find(':');
  return colon == std::string::npos ? member : member.substr(colon + 1);
}

bool Caller::has_scope(std::string_view scope) const {
  const auto all = split(scopes, ' ');
  return std::ranges::any_of(all, [&](const std::string& one) { return one == scope; });
}

std::int64_t Identity::now_seconds() const {
  return std::chrono::duration_cast<std::chrono::seconds>(
             shared_.machine().clock.wall_now().time_since_epoch())
      .count();
}

Result<std::string> Identity::issue(const Caller& caller, std::chrono::seconds lifetime) const {
  const json content = {{"member", caller.member},
                        {"scopes", caller.scopes},
                        {"until", now_seconds() + lifetime.count()}};
  KEYHOLD_TRY_ASSIGN(const auto sealed, shared_.sealer.seal(kPurpose, as_bytes(content.dump())));
  return std::string(kPrefix) + to_base64url(sealed);
}

tl::expected<Assertion, std::string> Identity::verify(const State& state, const std::string& jwt,
                                                      std::string& email) const {
  const auto no = [](const char* why) { return tl::unexpected(std::string(why)); };
  const auto parts = split(jwt, '.');
  if (parts.size() != 3) return no("Invalid JWT");
  const json header = jwt_part(parts[0]);
  const json claims = jwt_part(parts[1]);
  if (text_of(header, "alg") != "RS256" || !claims.is_object()) return no("Invalid JWT Signature.");
  email = text_of(claims, "iss");
  const auto account = state.at("accounts").find(email);
  if (account == state.at("accounts").end()) return no("Invalid grant: account not found");
  const auto key = account->at("keys").find(text_of(header, "kid"));
  const auto signature = from_base64url(parts[2]);
  if (key == account->at("keys").end() || !signature ||
      !crypto::rsa_verify_sha256(key->get<std::string>(), as_bytes(parts[0] + "." + parts[1]),
                                 *signature)) {
    return no("Invalid JWT Signature.");
  }
  if (account->at("disabled").get<bool>()) return no("Invalid grant: account is disabled");
  const std::int64_t now = now_seconds();
  const std::int64_t issued = number_of(claims, "iat");
  const std::int64_t expires = number_of(claims, "exp");
  if (issued > now + kSkewSeconds || expires < now - kSkewSeconds || expires <= issued ||
      issued <= 0 || expires > issued + kLongestSeconds) {
    return no(
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
        "timeframe. Check your iat and exp values in the JWT claim.");
  }
  return Assertion{email, text_of(claims, "sub"), text_of(claims, "aud"), text_of(claims, "scope")};
}

Answer<Caller> Identity::from_token(const std::string& text, const State& state) const {
  const auto sealed = from_base64url(text);
  if (!sealed) return unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED");
  const auto opened = shared_.sealer.unseal(kPurpose, *sealed);
  if (!opened) return unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED");
  const json content = json::parse(as_text(*opened));
  if (content.at("until").get<std::int64_t>() <= now_seconds()) {
    return unauthenticated("ACCESS_TOKEN_EXPIRED");
  }
  Caller caller{content.at("member").get<std::string>(), content.at("scopes").get<std::string>()};
  KEYHOLD_TRY(check_lives(state, caller));
  return caller;
}

// A service account's own assertion in place of a token, as Google's APIs take it: for one API by
// its audience, or with scopes.
Answer<Caller> Identity::from_assertion(const std::string& jwt, const State& state) const {
  std::string email;
  const auto assertion = verify(state, jwt, email);
  if (!assertion) return unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED");
  if (!assertion->subject.empty() && assertion->subject != email) {
    return unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED");
  }
  std::string scopes = assertion->scopes;
  if (scopes.empty()) {
    if (assertion->audience != "https://cloudkms.googleapis.com/") {
      return unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED");
    }
    scopes = "https://www.googleapis.com/auth/cloudkms";
  }
  return Caller{std::string(kServiceAccount) + email, scopes};
}

Answer<Caller> Identity::authenticate(const net::HttpCall& call, const State& state) const {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string* const header = call.header("authorization");
  if (header == nullptr || !header->starts_with(kBearer)) {
    return unauthenticated("CREDENTIALS_MISSING");
  }
  const std::string token = header->substr(kBearer.size());
  if (token.starts_with(kPrefix)) return from_token(token.substr(kPrefix.size()), state);
  return from_assertion(token, state);
}

}  // namespace keyhold::devcloud::gcp
