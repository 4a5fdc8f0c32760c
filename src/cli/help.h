// The help of a command, made from the table.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace keyhold::cli {

// `path` leads from the root to the command. Lines are at most `width` columns where words allow.
std::string help_text(const std::vector<const Command*>& path, std::span<const Argument> globals,
                      std::size_t width);

// "keyhold store init DIR [OPTIONS]"; required options are spelt out.
std::string usage_line(const std::vector<const Command*>& path);

// "-h, --help", "--kms-uri URI", "DIR", "FILE...".
std::string argument_term(const Argument& argument);

// The help clause with choices and "required" behind it.
std::string argument_help(const Argument& argument);

// The statuses that the command can end with.
std::vector<int> exit_statuses(const Command& command);

// `text` broken at spaces; every line but the first begins with `indent` spaces.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace keyhold::cli
