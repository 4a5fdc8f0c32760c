#include "cloud/aws/answers.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/json_member.h"
#include "cloud/aws/sts_xml.h"
#include "cloud/aws/times.h"

namespace keyhold::cloud::aws {
namespace {

constexpr std::size_t kMaxTokenBytes = 8192;
constexpr std::size_t kMaxRoleName = 128;

// A code of STS's and a piece of what it says with it. The first row that fits rules; an empty
// piece fits any message.
struct Row {
  std::string_view code;
  std::string_view piece;
  Refusal refusal;
};

constexpr std::array kOfSts = {
    Row{"AccessDenied", "VPC endpoint policy", Refusal::ambiguous},
    Row{"AccessDenied", "", Refusal::denied},
    Row{"AccessDeniedException", "", Refusal::denied},
    // Our own credentials. Expired ones come back with a new login; a clock with its repair.
    Row{"ExpiredToken", "", Refusal::unavailable},
    Row{"ExpiredTokenException", "", Refusal::unavailable},
    Row{"RequestExpired", "", Refusal::unavailable},
    Row{"SignatureDoesNotMatch", "Signature expired", Refusal::unavailable},
    Row{"SignatureDoesNotMatch", "Signature not yet current", Refusal::unavailable},
    Row{"SignatureDoesNotMatch", "", Refusal::configuration},
    Row{"InvalidClientTokenId", "", Refusal::configuration},
    Row{"UnrecognizedClientException", "", Refusal::configuration},
    Row{"IncompleteSignature", "", Refusal::configuration},
    Row{"MissingAuthenticationToken", "", Refusal::configuration},
    Row{"InvalidIdentityToken", "", Refusal::configuration},
    Row{"IDPRejectedClaim", "", Refusal::configuration},
    Row{"IDPCommunicationError", "", Refusal::unavailable},
    Row{"RegionDisabledException", "", Refusal::configuration},
    Row{"ValidationError", "", Refusal::configuration},
    Row{"OptInRequired", "", Refusal::ambiguous},
    Row{"Throttling", "", Refusal::throttled},
    Row{"ThrottlingException", "", Refusal::throttled},
    Row{"RequestLimitExceeded", "", Refusal::throttled},
    Row{"ServiceUnavailable", "", Refusal::unavailable},
    Row{"InternalFailure", "", Refusal::unavailable},
};

bool is_skew(std::string_view code, std::string_view message) {
  return code == "RequestExpired" || message.starts_with("Signature expired") ||
         message.starts_with("Signature not yet current");
}

std::string status_text(const net::HttpResponse& response) {
  return " (HTTP " + std::to_string(response.status) + ")";
}

// What is not STS's own word: a proxy's page, a redirect, a broken service.
LoginError no_answer(const net::HttpResponse& response, const std::string& step) {
  const bool throttled = response.status == 429;
  const bool redirect = response.status >= 300 && response.status < 400;
  return {.refusal = throttled ? Refusal::throttled : Refusal::unavailable,
          .message = step +
                     (redirect ? ": a redirect, which is not followed" : ": no answer of AWS's") +
                     status_text(response),
          .request_id = std::string(header_of(response, "x-amzn-requestid"))};
}

LoginError refusal_of(net::HttpResponse& response, const std::string& step, WallTime now) {
  const auto error = parse_sts_error(response.body);
  if (!error || response.status < 400) return no_answer(response, step);
  const auto row = std::ranges::find_if(kOfSts, [&](const Row& candidate) {
    return candidate.code == error->code &&
           error->message.find(candidate.piece) != std::string::npos;
  });
  LoginError refusal{.refusal = Refusal::unavailable,
                     .message = step + ": " + error->code + ": " + error->message,
                     .request_id = error->request_id};
  // A 5xx is the service's trouble whatever it says.
  if (row != kOfSts.end() && response.status < 500) refusal.refusal = row->refusal;
  if (row == kOfSts.end() && response.status < 500) refusal.refusal = Refusal::configuration;
  if (is_skew(error->code, error->message))
    refusal.message += ": " + skew_of(response, error->message, now);
  return refusal;
}

std::string string_member(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

LoginResult<Credentials> parse_sts(net::HttpResponse& response, const std::string& step,
                                   WallTime now) {
  if (response.status != 200) return tl::unexpected(refusal_of(response, step, now));
  auto credentials = parse_assumed_role(response.body);
  if (credentials) return *std::move(credentials);
  return refuse(Refusal::unavailable, step + ": " + credentials.error().message());
}

LoginResult<std::string> parse_identity(net::HttpResponse& response, WallTime now) {
  const std::string step = "GetCallerIdentity";
  if (response.status != 200) return tl::unexpected(refusal_of(response, step, now));
  auto arn = parse_caller_identity(response.body);
  if (arn) return *std::move(arn);
  return refuse(Refusal::unavailable, step + ": " + arn.error().message());
}

LoginResult<Credentials> parse_endpoint_credentials(net::HttpResponse& response,
                                                    const std::string& from) {
  if (response.status != 200) {
    const bool ours = response.status >= 400 && response.status < 500 && response.status != 429;
    return refuse(ours ? Refusal::configuration : Refusal::unavailable,
                  from + " gives no credentials" + status_text(response));
  }
  auto secret = take_json_string(response.body, "SecretAccessKey");
  auto token = take_json_string(response.body, "Token");
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (!json.is_object()) return refuse(Refusal::unavailable, from + ": the answer is no JSON");
  const std::string code = string_member(json, "Code");
  if (!code.empty() && code != "Success") {
    return refuse(Refusal::configuration, from + ": " + printable(code, 64));
  }
  std::string id = string_member(json, "AccessKeyId");
  const auto expires_at = parse_iso_time(string_member(json, "Expiration"));
  if (!secret || !token || id.empty() || !expires_at) {
    return refuse(Refusal::unavailable, from + ": the answer holds no credentials");
  }
  return Credentials{.access_key_id = std::move(id),
                     .secret_access_key = *std::move(secret),
                     .session_token = *std::move(token),
                     .expires_at = expires_at};
}

LoginResult<WipedString> parse_metadata_token(net::HttpResponse& response) {
  const bool clean = std::ranges::all_of(response.body, [](char c) { return c > ' ' && c < 0x7f; });
  if (response.status != 200) {
    const bool refused = response.status == 403 || response.status == 404;
    return refuse(refused ? Refusal::configuration : Refusal::unavailable,
                  "the instance metadata service gives no IMDSv2 token" + status_text(response));
  }
  if (response.body.empty() || response.body.size() > kMaxTokenBytes || !clean) {
    return refuse(Refusal::unavailable, "the instance metadata service gives no IMDSv2 token");
  }
  return std::move(response.body);
}

LoginResult<std::string> parse_metadata_role(const net::HttpResponse& response) {
  if (response.status == 404) {
    return refuse(Refusal::configuration, "this instance has no role attached");
  }
  if (response.status != 200) {
    return refuse(Refusal::unavailable,
                  "the instance metadata service names no role" + status_text(response));
  }
  const std::string_view body(response.body);
  const std::string_view role = body.substr(0, body.find_first_of("\r\n"));
  const bool clean = std::ranges::all_of(role, [](char c) { return c > ' ' && c < 0x7f; });
  if (role.empty() || role.size() > kMaxRoleName || !clean) {
    return refuse(Refusal::unavailable, "the instance metadata service names no role");
  }
  return std::string(role);
}

}  // namespace keyhold::cloud::aws
