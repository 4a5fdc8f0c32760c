#include "cloud/aws/requests.h"

#include <algorithm>

#include "cloud/aws/sigv4.h"
#include "cloud/secret_header.h"

namespace keyhold::cloud::aws {
namespace {

constexpr std::string_view kStsVersion = "2011-06-15";
constexpr std::string_view kMetadataRoles = "/latest/meta-data/iam/security-credentials/";
constexpr std::size_t kMaxSessionName = 64;
constexpr std::size_t kMaxExternalId = 1224;

bool is_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_session_character(char c) {
  return is_word(c) || std::string_view("+=,.@-").find(c) != std::string_view::npos;
}

// One more field of an application/x-www-form-urlencoded body.
void add_field(WipedString& body, std::string_view name, std::string_view value) {
  if (!body.empty()) body += '&';
  body.append(name).append("=");
  const std::string encoded = uri_encode(value);
  body.append(std::string_view(encoded));
}

net::HttpRequest sts_request(const StsEndpoint& sts, std::string_view action) {
  net::HttpRequest request{
      .method = "POST",
      .url = sts.url + "/",
      .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
      .body = {}};
  add_field(request.body, "Action", action);
  add_field(request.body, "Version", kStsVersion);
  return request;
}

}  // namespace

net::HttpRequest assume_role_request(const StsEndpoint& sts, const RoleHop& hop,
                                     std::chrono::seconds lifetime, const Credentials& credentials,
                                     WallTime now) {
  net::HttpRequest request = sts_request(sts, "AssumeRole");
  add_field(request.body, "RoleArn", hop.role_arn);
  add_field(request.body, "RoleSessionName", hop.session_name);
  if (!hop.external_id.empty()) add_field(request.body, "ExternalId", hop.external_id);
  add_field(request.body, "DurationSeconds", std::to_string(lifetime.count()));
  sign(request, credentials, {.region = sts.region, .service = "sts", .at = now});
  return request;
}

net::HttpRequest caller_identity_request(const StsEndpoint& sts, const Credentials& credentials,
                                         WallTime now) {
  net::HttpRequest request = sts_request(sts, "GetCallerIdentity");
  sign(request, credentials, {.region = sts.region, .service = "sts", .at = now});
  return request;
}

net::HttpRequest web_identity_request(const StsEndpoint& sts, const WebIdentity& identity,
                                      std::string_view token, std::chrono::seconds lifetime) {
  net::HttpRequest request = sts_request(sts, "AssumeRoleWithWebIdentity");
  add_field(request.body, "RoleArn", identity.role_arn);
  add_field(request.body, "RoleSessionName", identity.session_name);
  add_field(request.body, "DurationSeconds", std::to_string(lifetime.count()));
  // JWTs are of letters, digits, '-', '_' and '.': nothing is encoded, so nothing is copied.
  request.body.append("&WebIdentityToken=").append(token);
  return request;
}

net::HttpRequest metadata_token_request(const InstanceMetadata& metadata) {
  return {.method = "PUT",
          .url = metadata.endpoint + "/latest/api/token",
          .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}},
          .body = {}};
}

net::HttpRequest metadata_role_request(const InstanceMetadata& metadata, std::string_view token) {
  net::HttpRequest request{.method = "GET",
                           .url = metadata.endpoint + std::string(kMetadataRoles),
                           .headers = {},
                           .body = {}};
  add_secret_header(request, "X-aws-ec2-metadata-token", "", token);
  return request;
}

net::HttpRequest metadata_credentials_request(const InstanceMetadata& metadata,
                                              std::string_view role, std::string_view token) {
  net::HttpRequest request = metadata_role_request(metadata, token);
  request.url += uri_encode(role);
  return request;
}

net::HttpRequest container_request(const ContainerEndpoint& container, std::string_view token) {
  net::HttpRequest request{.method = "GET",
                           .url = container.url,
                           .headers = {{"Accept", "application/json"}},
                           .body = {}};
  if (!token.empty()) add_secret_header(request, "Authorization", "", token);
  return request;
}

std::string session_name(std::string_view name) {
  std::string out = "keyhold-" + std::string(name);
  out.resize(std::min(out.size(), kMaxSessionName));
  std::ranges::replace_if(
      out, [](char c) { return !is_session_character(c); }, '-');
  return out;
}

bool is_external_id(std::string_view text) {
  return text.size() >= 2 && text.size() <= kMaxExternalId && std::ranges::all_of(text, [](char c) {
           return is_session_character(c) || c == ':' || c == '/';
         });
}

}  // namespace keyhold::cloud::aws
