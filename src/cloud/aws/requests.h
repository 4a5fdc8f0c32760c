// The requests for credentials, as bytes. (AWS STS API Reference, AssumeRole,
// AssumeRoleWithWebIdentity, GetCallerIdentity; Amazon EC2 User Guide, "Use the Instance Metadata
// Service"; AWS SDKs and Tools Reference Guide, "Container credential provider".)
//
// Sans-I/O; thread-safe. Headers and bodies hold secrets.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cloud/aws/credentials.h"
#include "cloud/aws/source.h"
#include "net/http_client.h"

namespace keyhold::cloud::aws {

struct StsEndpoint {
  std::string url;     // https://sts.us-east-1.amazonaws.com
  std::string region;  // what requests to it are signed for
};

// Signed with `credentials`. Session names and external ids are sent as they are.
net::HttpRequest assume_role_request(const StsEndpoint& sts, const RoleHop& hop,
                                     std::chrono::seconds lifetime, const Credentials& credentials,
                                     WallTime now);
// Signed with `credentials`, whose principal needs no permission for it.
net::HttpRequest caller_identity_request(const StsEndpoint& sts, const Credentials& credentials,
                                         WallTime now);
// Not signed: the token says who asks.
net::HttpRequest web_identity_request(const StsEndpoint& sts, const WebIdentity& identity,
                                      std::string_view token, std::chrono::seconds lifetime);

net::HttpRequest metadata_token_request(const InstanceMetadata& metadata);
net::HttpRequest metadata_role_request(const InstanceMetadata& metadata, std::string_view token);
net::HttpRequest metadata_credentials_request(const InstanceMetadata& metadata,
                                              std::string_view role, std::string_view token);
net::HttpRequest container_request(const ContainerEndpoint& container, std::string_view token);

// "keyhold-NAME", what a session name may not hold replaced by '-', at most 64 characters.
std::string session_name(std::string_view name);

// 2 to 1224 characters of A-Z a-z 0-9 _ + = , . @ : / -.
bool is_external_id(std::string_view text);

}  // namespace keyhold::cloud::aws
