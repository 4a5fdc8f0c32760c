// The Condition element of a policy's statement (IAM User Guide, "Condition operators",
// "Multivalued context keys"). Sans-I/O.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace keyhold::cloud::aws {

// `context`: condition keys in lower case with their values. No Condition holds always.
bool conditions_hold(const nlohmann::json& statement,
                     const std::multimap<std::string, std::string>& context);

// What in the Condition is not understood.
std::optional<std::string> wrong_conditions(const nlohmann::json& statement);

}  // namespace keyhold::cloud::aws
