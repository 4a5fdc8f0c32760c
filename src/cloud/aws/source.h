// Where the cluster's own credentials come from, in the order that AWS's SDKs look for them. (AWS
// SDKs and Tools Reference Guide, "Standardized credential providers".)
//
// Reads through an Environment, makes no request; thread-safe.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/wiped_string.h"
#include "cloud/aws/credentials.h"
#include "cloud/environment.h"

namespace keyhold::cloud::aws {

struct StaticKeys {
  Credentials credentials;
  std::string from;  // "the environment", "profile NAME"
};

// AssumeRoleWithWebIdentity (EKS: IAM roles for service accounts).
struct WebIdentity {
  std::string token_file;
  std::string role_arn;
  std::string session_name;  // empty: the caller's
};

// ECS tasks, EKS pod identity.
struct ContainerEndpoint {
  std::string url;
  std::string token_file;  // its content, or `token`, goes in the Authorization header
  WipedString token;
};

// EC2: IMDSv2.
struct InstanceMetadata {
  std::string endpoint;  // http://169.254.169.254
};

// One AssumeRole.
struct RoleHop {
  std::string role_arn;
  std::string external_id;   // empty: none
  std::string session_name;  // empty: the caller's
  friend bool operator==(const RoleHop&, const RoleHop&) = default;
};

struct Source {
  std::variant<StaticKeys, WebIdentity, ContainerEndpoint, InstanceMetadata> base;
  std::vector<RoleHop> roles;  // assumed from it, in this order: a profile's role_arn
};

// The environment's keys; its web identity; the profile AWS_PROFILE or "default"; the container's
// endpoint; the instance's metadata. Code::invalid_argument where one of them is begun and not
// whole, or of a kind that is not supported (SSO, credential_process, MFA), or where there is none.
// No message holds a secret.
Result<Source> find_source(const Environment& environment);

// What a message calls it: "the environment", "the instance metadata service", …
std::string name_of(const Source& source);

}  // namespace keyhold::cloud::aws
