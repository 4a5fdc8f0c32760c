// JSON text of strings as RFC 8785 (JSON Canonicalization Scheme) writes it: one form for one
// value.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace keyhold {

// Well-formed UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

// The text where it is UTF-8; else with U+FFFD for each byte that is none.
std::string make_utf8(std::string_view text);

// Appends `text` in quotes. Only what must be is escaped (RFC 8785 section 3.2.2.2): quote,
// backslash and U+0000 to U+001F.
void append_json_string(std::string& out, std::string_view text);

// An object of strings, its members sorted. REQUIRES: names of ASCII, whose byte order is the order
// of UTF-16 code units that RFC 8785 section 3.2.3 asks for.
std::string canonical_json(const std::map<std::string, std::string>& pairs);

}  // namespace keyhold
