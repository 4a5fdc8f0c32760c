// One string out of a JSON text (RFC 8259), without a parser's copies of the rest. Sans-I/O;
// thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/wiped_string.h"

namespace keyhold {

struct TextSpan {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// What stands between the quotes of the string that is the value of the member `name`, at whatever
// depth. Nothing where there is not exactly one such member, or its value is no string.
std::optional<TextSpan> find_json_string(std::string_view json, std::string_view name);

// For secrets: takes that string out of the text, its escapes decoded, and overwrites it there with
// as many 'A's, so that what is left can be parsed by others. Code::invalid_argument as above, or
// where an escape is not one of ASCII; the message holds none of the text.
Result<WipedString> take_json_string(WipedString& json, std::string_view name);

}  // namespace keyhold
