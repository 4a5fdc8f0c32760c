// Cloud KMS's enumerations in JSON: a name, or its number (proto3's JSON mapping). Sans-I/O.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace keyhold::devcloud::gcp {

// The name; empty where the member is missing or unspecified. What is none of the enumeration's
// comes back as it was written.
std::string purpose_in(const nlohmann::json& object);           // "purpose"
std::string version_state_in(const nlohmann::json& object);     // "state"
std::string protection_level_in(const nlohmann::json& object);  // "protectionLevel"
std::string algorithm_in(const nlohmann::json& object);         // "algorithm"

}  // namespace keyhold::devcloud::gcp
