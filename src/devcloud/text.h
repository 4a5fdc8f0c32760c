// Small things with text that several services need. Sans-I/O.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace keyhold::devcloud {

// Percent encoding (RFC 3986, section 2): all but unreserved characters, upper-case digits.
std::string uri_encode(std::string_view text);
// What is no escape stays as it is.
std::string uri_decode(std::string_view text);
// application/x-www-form-urlencoded; of a name given twice the first holds.
std::map<std::string, std::string> form_values(std::string_view text);

std::string xml_escape(std::string_view text);

}  // namespace keyhold::devcloud
