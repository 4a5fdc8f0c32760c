// IAM Service Account Credentials (v1): generateAccessToken.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/gcp/identity.h"

namespace keyhold::devcloud::gcp {

// The request as read; INVALID_ARGUMENT where it is not one.
// Each account of the chain lets the one before it make its tokens: the caller's for the first
// delegate, the last delegate's for the account itself.
Answer<nlohmann::json> generate_access_token(const Identity& identity, const State& state,
                                             const Caller& caller, const std::string& account_name,
                                             const nlohmann::json& body);

}  // namespace keyhold::devcloud::gcp
