// Vault's policies: paths and capabilities, as JSON or in the part of HCL that such policies are
// written in. Sans-I/O. Source: Vault documentation, "Policies".
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyhold::cloud::vault {

// Path → capabilities. A path may end with '*' (any rest); a segment '+' is any one segment.
using Rules = std::map<std::string, std::set<std::string>>;

// Code::invalid_argument with what is wrong: also for a capability that Vault does not have, and
// for elements that are not understood here (parameters, templates).
Result<Rules> parse_policy(std::string_view text);

// Rules of several policies: capabilities of the same path are added up, the most specific path
// that fits decides, "deny" in it wins.
bool allows(const std::vector<Rules>& policies, std::string_view path, std::string_view capability);

}  // namespace keyhold::cloud::vault
