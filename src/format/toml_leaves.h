// TOML as a list of its leaves: what Keyhold's settings and policies are read from. The only code
// that includes toml++.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace keyhold::format {

struct TomlOther {};  // a date, a time, an array

struct TomlLeaf {
  std::string name;  // with its tables: "lease.grace"
  std::uint32_t line = 0;
  std::variant<std::string, std::int64_t, double, bool, TomlOther> value;
};

// In the order of the file. A table without leaves gives none. Letters beyond ASCII become question
// marks, byte by byte. `file` is for messages. Code::invalid_argument: "FILE:3: not TOML: …".
Result<std::vector<TomlLeaf>> parse_toml(ByteView text, std::string_view file);

}  // namespace keyhold::format
