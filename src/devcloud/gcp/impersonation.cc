#include "devcloud/gcp/impersonation.h"

#include <charconv>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/timestamp.h"
#include "devcloud/gcp/access.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::int64_t kLongestSeconds = 3600;

Answer<std::string> scopes_of(const json& body) {
  const auto given = body.find("scope");
  if (given == body.end() || !given->is_array() || given->empty()) {
    return invalid("The request must include at least one scope.");
  }
  std::string scopes;
  for (const json& scope : *given) {
    if (!scope.is_string() ||
        !scope.get<std::string>().starts_with("https://www.googleapis.com/auth/")) {
      return invalid("Invalid value at 'scope': " + scope.dump());
    }
    scopes += (scopes.empty() ? "" : " ") + scope.get<std::string>();
  }
  return scopes;
}

Answer<std::int64_t> lifetime_of(const json& body) {
  const auto given = body.find("lifetime");
  if (given == body.end()) return kLongestSeconds;
  const std::string text = given->is_string() ? given->get<std::string>() : std::string();
  std::int64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || parsed.ptr + 1 != text.data() + text.size() ||
      text.back() != 's') {
    return invalid("Invalid value at 'lifetime' (type.googleapis.com/google.protobuf.Duration)");
  }
  if (seconds >= 1 && seconds <= kLongestSeconds) return seconds;
  return invalid("Lifetime is between 1 and 3600 seconds.");
}

Answer<std::vector<std::string>> chain_of(const json& body, const std::string& account_name) {
  std::vector<std::string> names;
  const json delegates = body.value("delegates", json::array());
  if (!delegates.is_array()) return invalid("Invalid value at 'delegates'");
  for (const json& delegate : delegates) {
    if (!delegate.is_string()) return invalid("Invalid value at 'delegates'");
    names.push_back(delegate.get<std::string>());
  }
  names.push_back(account_name);
  for (std::string& name : names) {
    const std::string email = account_in(name);
    if (email.empty()) return invalid("Not of the form projects/-/serviceAccounts/EMAIL: " + name);
    name = email;
  }
  return names;
}

}  // namespace

Answer<json> generate_access_token(const Identity& identity, const State& state,
                                   const Caller& caller, const std::string& account_name,
                                   const json& body) {
  if (!body.is_object()) return invalid("Invalid JSON payload received.");
  for (const auto& [field, value] : body.items()) {
    if (field == "scope" || field == "delegates" || field == "lifetime") continue;
    return invalid("Invalid JSON payload received. Unknown name \"" + field +
                   "\": Cannot find field.");
  }
  KEYHOLD_TRY_ASSIGN(const std::string scopes, scopes_of(body));
  KEYHOLD_TRY_ASSIGN(const std::int64_t seconds, lifetime_of(body));
  KEYHOLD_TRY_ASSIGN(const auto chain, chain_of(body, account_name));
  std::string from = caller.member;
  for (const std::string& email : chain) {
    const auto account = state.at("accounts").find(email);
    if (account == state.at("accounts").end()) {
      return refuse(404, "NOT_FOUND", "Not found; Gaia id not found for email " + email);
    }
    KEYHOLD_TRY(check_allowed(state, from, "iam.serviceAccounts.getAccessToken",
                              "serviceAccounts/" + email));
    if (account->at("disabled").get<bool>()) {
      return refuse(400, "FAILED_PRECONDITION", "Service account " + email + " is disabled.");
    }
    from = "serviceAccount:" + email;
  }
  const auto token = identity.issue({from, scopes}, std::chrono::seconds(seconds));
  if (!token) return refuse(500, "INTERNAL", token.error().message());
  const WallTime ends{std::chrono::seconds(identity.now_seconds() + seconds)};
  return json{{"accessToken", *token}, {"expireTime", format_timestamp(ends).substr(0, 19) + "Z"}};
}

}  // namespace keyhold::devcloud::gcp
