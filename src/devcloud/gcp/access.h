// IAM: roles, policies, and what they let a member do (Cloud KMS, "Permissions and roles"; IAM,
// "Understanding roles"). Sans-I/O.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/gcp/error.h"
#include "devcloud/gcp/names.h"

namespace keyhold::devcloud::gcp {

// Whether `member` ("serviceAccount:EMAIL") has a role that holds the permission, on the resource
// or above it; above "serviceAccounts/EMAIL" is the account's project.
bool allows(const State& state, const std::string& member, const std::string& permission,
            const std::string& resource);
// PERMISSION_DENIED in Google's words.
Answer<void> check_allowed(const State& state, const std::string& member,
                           const std::string& permission, const std::string& resource);

// A policy as a client gives it: known roles, members that exist.
Answer<void> check_bindings(const State& state, const nlohmann::json& bindings);
// {version, etag, bindings}; of a resource that has none too.
nlohmann::json policy_json(const State& state, const std::string& resource);

// Adds a member to a role of the resource's policy, or takes it away; false where it is so already.
bool set_grant(State& state, const std::string& resource, const std::string& role,
               const std::string& member, bool granted);

}  // namespace keyhold::devcloud::gcp
