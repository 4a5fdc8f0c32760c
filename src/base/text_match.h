// Comparing text as policies and headers do. Sans-I/O; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace keyhold {

std::string to_lower(std::string_view text);  // ASCII

// '*' any run of characters, '?' any one. In time of at most the product of both sizes.
bool matches_wildcard(std::string_view pattern, std::string_view text);

}  // namespace keyhold
