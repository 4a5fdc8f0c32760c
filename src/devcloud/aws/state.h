// Everything that the AWS of this cloud remembers: accounts, IAM users and roles, KMS keys and
// aliases. Plain values; secrets only wrapped or derivable by the Sealer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cloud/aws/policy.h"

namespace keyhold::devcloud::aws {

// Its pins are the principals that it named when it was saved: a user or role that is made anew
// under an old name is another principal (IAM, "Principal" element).
using cloud::aws::Policy;

struct Account {
  std::string name;
  std::string root_access_key;
};

struct User {
  std::string account;
  std::string name;
  std::string id;                               // "AIDA…"
  std::map<std::string, std::string> policies;  // name → document
};

struct Role {
  std::string account;
  std::string name;
  std::string id;  // "AROA…"
  Policy trust;
  std::map<std::string, std::string> policies;
  int max_session_seconds = 3600;
};

struct AccessKey {
  std::string principal;  // ARN of a user or an account's root
  bool active = true;
};

// One generation of a key's secret.
struct Material {
  std::string id;       // 64 hexadecimal digits, as KMS names them
  std::string wrapped;  // Sealer::wrap
  WallTime created;
};

enum class KeyState : std::uint8_t { enabled, disabled, pending_deletion, pending_import };

struct Key {
  std::string id;  // a UUID, or "mrk-" and 32 hexadecimal digits
  std::string account;
  std::string region;
  std::string description;
  std::string usage = "ENCRYPT_DECRYPT";
  std::string spec = "SYMMETRIC_DEFAULT";
  std::string origin = "AWS_KMS";  // or EXTERNAL
  KeyState state = KeyState::enabled;
  WallTime created;
  std::optional<WallTime> deletion_date;
  std::optional<WallTime> material_expires;  // imported, with an end
  Policy policy;
  bool multi_region = false;
  std::string primary_region;  // of a multi-Region key
};

struct Alias {
  std::string key_id;
  WallTime created;
};

struct AwsState {
  std::map<std::string, Account> accounts;                 // by id
  std::map<std::string, User> users;                       // by ARN
  std::map<std::string, Role> roles;                       // by ARN
  std::map<std::string, AccessKey> access_keys;            // by id
  std::map<std::string, Key> keys;                         // by ARN
  std::map<std::string, std::vector<Material>> materials;  // by key id, the current one last
  std::map<std::string, Alias> aliases;                    // by ARN
  std::string instance_role;                               // ARN; what IMDS hands out
  std::string instance_region = "us-east-1";
};

std::string to_json(const AwsState& state);
// Code::integrity where the text is not what to_json wrote.
Result<AwsState> state_from_json(std::string_view text);

}  // namespace keyhold::devcloud::aws
