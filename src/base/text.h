// Taking text apart, and comparing it as policies and headers do. Sans-I/O; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyhold {

// The parts between the separators: one more than there are of them.
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);  // spaces and tabs
std::string to_lower(std::string_view text);   // ASCII

// '*' any run of characters, '?' any one. In time of at most the product of both sizes.
bool matches_wildcard(std::string_view pattern, std::string_view text);

// One word for a POSIX shell, in single quotes.
std::string shell_quoted(std::string_view text);

}  // namespace keyhold
