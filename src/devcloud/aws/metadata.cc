#include "devcloud/aws/metadata.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/timestamp.h"
#include "devcloud/aws/arn.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr std::string_view kTokenPurpose = "imds token";
constexpr int kMaxTokenSeconds = 21'600;
constexpr std::chrono::hours kCredentialLifetime{6};
constexpr const char* kInstanceId = "i-0devcloud000000";
constexpr const char* kTtlHeader = "x-aws-ec2-metadata-token-ttl-seconds";

net::HttpAnswer plain(int status, std::string body) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "text/plain"}, {"Server", "EC2ws"}};
  answer.body = std::move(body);
  return answer;
}

std::string to_seconds(WallTime time) {
  return format_timestamp(time).substr(0, 19) + "Z";
}

}  // namespace

net::HttpAnswer Metadata::give_token(const net::HttpCall& call, WallTime now) const {
  if (call.header("x-forwarded-for") != nullptr) return plain(403, "");
  const std::string* const ttl = call.header(kTtlHeader);
  int seconds = 0;
  if (ttl != nullptr) {
    const auto parsed = std::from_chars(ttl->data(), ttl->data() + ttl->size(), seconds);
    if (parsed.ec != std::errc() || parsed.ptr != ttl->data() + ttl->size()) seconds = 0;
  }
  if (seconds < 1 || seconds > kMaxTokenSeconds) return plain(400, "");
  const std::string content = format_timestamp(now + std::chrono::seconds(seconds));
  const auto sealed = sealer_->seal(kTokenPurpose, as_bytes(content));
  if (!sealed) return plain(500, "");
  net::HttpAnswer answer = plain(200, to_base64(*sealed));
  answer.headers.push_back({"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", std::to_string(seconds)});
  return answer;
}

bool Metadata::is_token(const std::string& text, WallTime now) const {
  const auto sealed = from_base64(text);
  if (!sealed) return false;
  const auto opened = sealer_->unseal(kTokenPurpose, *sealed);
  if (!opened) return false;
  const auto expires = parse_timestamp(as_text(*opened));
  return expires && *expires > now;
}

net::HttpAnswer Metadata::credentials(const AwsState& state, WallTime now) const {
  const auto role = state.roles.find(state.instance_role);
  if (role == state.roles.end()) return plain(404, "");
  Principal ec2;
  ec2.service = "ec2.amazonaws.com";
  const PolicyRequest request{ec2, "sts:AssumeRole", state.instance_role, {}};
  const PolicyVerdict verdict = judge_resource_policy(role->second.trust, request);
  if (verdict.deny || !verdict.allow_directly) {
    const json refused = {{"Code", "AssumeRoleUnauthorizedAccess"},
                          {"Message", "EC2 cannot assume the role " + role->second.name},
                          {"LastUpdated", to_seconds(now)}};
    return plain(200, refused.dump());
  }
  const auto made = identity_->issue(
      {state.instance_role, role->second.id, kInstanceId, now + kCredentialLifetime, ""});
  if (!made) return plain(500, "");
  const json document = {{"Code", "Success"},
                         {"LastUpdated", to_seconds(now)},
                         {"Type", "AWS-HMAC"},
                         {"AccessKeyId", made->access_key_id},
                         {"SecretAccessKey", std::string(made->secret_access_key)},
                         {"Token", made->session_token},
                         {"Expiration", to_seconds(made->expires)}};
  return plain(200, document.dump(2));
}

net::HttpAnswer Metadata::answer(const AwsState& state, const net::HttpCall& call,
                                 WallTime now) const {
  if (call.path == "/latest/api/token") {
    return call.method == "PUT" ? give_token(call, now) : plain(405, "");
  }
  const std::string* const token = call.header("x-aws-ec2-metadata-token");
  if (token == nullptr || !is_token(*token, now)) return plain(401, "");
  if (call.method != "GET") return plain(405, "");
  const std::string credentials_path = "/latest/meta-data/iam/security-credentials/";
  const auto role = parse_arn(state.instance_role);
  const std::string name = role ? role->name_of("role") : "";
  if (call.path == credentials_path || call.path + "/" == credentials_path) {
    return name.empty() ? plain(404, "") : plain(200, name);
  }
  if (!name.empty() && call.path == credentials_path + name) return credentials(state, now);
  const std::string& region = state.instance_region;
  if (call.path == "/latest/meta-data/instance-id") return plain(200, kInstanceId);
  if (call.path == "/latest/meta-data/placement/region") return plain(200, region);
  if (call.path == "/latest/meta-data/placement/availability-zone") return plain(200, region + "a");
  if (call.path == "/latest/dynamic/instance-identity/document") {
    const json document = {{"region", region},
                           {"availabilityZone", region + "a"},
                           {"instanceId", kInstanceId},
                           {"accountId", role ? role->account : ""}};
    return plain(200, document.dump(2));
  }
  return plain(404, "");
}

}  // namespace keyhold::devcloud::aws
