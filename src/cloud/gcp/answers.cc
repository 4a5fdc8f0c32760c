#include "cloud/gcp/answers.h"

#include <algorithm>
#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/json_member.h"
#include "cloud/gcp/rpc_status.h"

namespace keyhold::cloud::gcp {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLongestSeconds = 12 * 3600;

std::string text_of(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A token as a header can carry it (RFC 6750 section 2.1).
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

tl::unexpected<LoginError> unreadable(const std::string& from, int status) {
  return refuse(Refusal::unavailable,
                from + ": no answer of Google's (HTTP " + std::to_string(status) + ")");
}

// An OAuth error, a piece of its description, and what they mean. The first that fits rules.
struct OauthRow {
  std::string_view error;
  std::string_view piece;
  Refusal refusal;
};
constexpr std::array kOauth = {
    // A clock is wrong, ours or theirs.
    OauthRow{"invalid_grant", "reasonable timeframe", Refusal::unavailable},
    OauthRow{"invalid_grant", "stale", Refusal::unavailable},
    OauthRow{"invalid_grant", "expired", Refusal::configuration},  // a refresh or subject token
    OauthRow{"invalid_grant", "account not found", Refusal::denied},
    OauthRow{"invalid_grant", "Invalid JWT Signature", Refusal::denied},  // its key was deleted
    OauthRow{"invalid_grant", "disabled", Refusal::denied},
    OauthRow{"invalid_grant", "deleted", Refusal::denied},
    OauthRow{"invalid_grant", "revoked", Refusal::denied},
    OauthRow{"invalid_grant", "", Refusal::configuration},
    OauthRow{"disabled_client", "", Refusal::denied},
    OauthRow{"deleted_client", "", Refusal::denied},
    OauthRow{"unauthorized_client", "", Refusal::denied},  // the federation pool does not let it in
    OauthRow{"access_denied", "", Refusal::denied},
    OauthRow{"org_internal", "", Refusal::ambiguous},
    OauthRow{"rate_limit_exceeded", "", Refusal::throttled},
    OauthRow{"temporarily_unavailable", "", Refusal::unavailable},
    OauthRow{"server_error", "", Refusal::unavailable},
    OauthRow{"internal_failure", "", Refusal::unavailable},
    OauthRow{"", "", Refusal::configuration},  // invalid_client, invalid_scope, invalid_request, …
};

tl::unexpected<LoginError> oauth_refusal(const net::HttpResponse& response,
                                         const std::string& from) {
  const Json json = Json::parse(response.body, nullptr, false);
  const std::string error = printable(text_of(json, "error"));
  const std::string description = printable(text_of(json, "error_description"));
  if (response.status == 429) return refuse(Refusal::throttled, from + ": too many requests");
  if (error.empty() || response.status >= 500 || response.status < 400) {
    return unreadable(from, response.status);
  }
  const auto row = std::ranges::find_if(kOauth, [&](const OauthRow& candidate) {
    return (candidate.error.empty() || candidate.error == error) &&
           description.find(candidate.piece) != std::string::npos;
  });
  return refuse(row->refusal,
                from + ": " + error + (description.empty() ? "" : ": ") + description);
}

struct RpcRow {
  std::string_view status;
  std::string_view reason;
  std::string_view piece;
  Refusal refusal;
};
constexpr std::array kRpc = {
    RpcRow{"", "SECURITY_POLICY_VIOLATED", "", Refusal::ambiguous},
    RpcRow{"", "SERVICE_DISABLED", "", Refusal::ambiguous},
    RpcRow{"", "BILLING_DISABLED", "", Refusal::ambiguous},
    RpcRow{"", "ACCOUNT_STATE_INVALID", "", Refusal::denied},
    RpcRow{"", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "", Refusal::configuration},
    RpcRow{"PERMISSION_DENIED", "", "", Refusal::denied},
    RpcRow{"NOT_FOUND", "", "", Refusal::denied},
    RpcRow{"FAILED_PRECONDITION", "", "disabled", Refusal::denied},
    RpcRow{"FAILED_PRECONDITION", "", "", Refusal::ambiguous},
    RpcRow{"INVALID_ARGUMENT", "", "", Refusal::configuration},
    RpcRow{"RESOURCE_EXHAUSTED", "", "", Refusal::throttled},
};

tl::unexpected<LoginError> rpc_refusal(const net::HttpResponse& response) {
  const std::string from = "impersonation";
  const auto status = parse_rpc_status(response.status, response.body);
  if (!status && response.status == 429) return refuse(Refusal::throttled, from + ": throttled");
  if (!status) return unreadable(from, response.status);
  const auto row = std::ranges::find_if(kRpc, [&](const RpcRow& candidate) {
    return (candidate.status.empty() || candidate.status == status->status) &&
           (candidate.reason.empty() || candidate.reason == status->reason) &&
           status->message.find(candidate.piece) != std::string::npos;
  });
  return refuse(row == kRpc.end() ? Refusal::unavailable : row->refusal,
                from + ": " + status->status + ": " + status->message);
}

std::optional<std::int64_t> seconds_of(const Json& json, const char* name) {
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto value = found->get<std::uint64_t>();
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(kLongestSeconds)));
}

}  // namespace

LoginResult<AccessToken> parse_oauth(net::HttpResponse& response, const std::string& from) {
  if (response.status != 200) return oauth_refusal(response, from);
  auto value = take_json_string(response.body, "access_token");
  const Json json = Json::parse(response.body, nullptr, false);
  const auto lifetime = seconds_of(json, "expires_in");
  if (!value || !is_token(*value) || !lifetime) return unreadable(from, response.status);
  return AccessToken{.value = *std::move(value), .lifetime = std::chrono::seconds(*lifetime)};
}

LoginResult<AccessToken> parse_metadata(net::HttpResponse& response, const std::string& from) {
  const bool genuine = std::ranges::any_of(response.headers, [](const net::HttpHeader& header) {
    return header.name == "metadata-flavor" && header.value == "Google";
  });
  if (!genuine) return unreadable(from, response.status);
  if (response.status == 404 || response.status == 403) {
    return refuse(Refusal::configuration, from + ": this machine has no service account");
  }
  if (response.status != 200) return unreadable(from, response.status);
  return parse_oauth(response, from);
}

LoginResult<AccessToken> parse_impersonation(net::HttpResponse& response,
                                             std::chrono::seconds asked) {
  if (response.status != 200) return rpc_refusal(response);
  auto value = take_json_string(response.body, "accessToken");
  const Json json = Json::parse(response.body, nullptr, false);
  if (!value || !is_token(*value) || text_of(json, "expireTime").empty()) {
    return unreadable("impersonation", response.status);
  }
  return AccessToken{.value = *std::move(value), .lifetime = asked};
}

LoginResult<WipedString> parse_subject_token(WipedString content, const std::string& json_field) {
  if (!json_field.empty()) {
    auto field = take_json_string(content, json_field);
    if (!field) {
      return refuse(Refusal::configuration, "the subject token's source has no " + json_field);
    }
    content = *std::move(field);
  }
  constexpr const char* kSpace = " \t\r\n";
  content.erase(content.find_last_not_of(kSpace) + 1);
  content.erase(0, content.find_first_not_of(kSpace));
  if (is_token(content)) return content;
  return refuse(Refusal::configuration, "the subject token's source holds no token");
}

}  // namespace keyhold::cloud::gcp
