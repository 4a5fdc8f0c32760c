// From an argument list to a command and its arguments.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"

namespace keyhold::cli {

struct Invocation {
  std::vector<const Command*> path;  // from the root to the command that was named
  bool help = false;                 // --help: nothing was checked, no argument was accepted

  [[nodiscard]] const Command& command() const { return *path.back(); }
  // "keyhold store init".
  [[nodiscard]] std::string name() const;
};

struct UsageError {
  Error error;
  std::vector<const Command*> path;  // as far as it was understood
};

// Finds the command, then hands each value to its argument's accept(). `globals` may stand
// anywhere. The first argument of `globals` is the help flag.
tl::expected<Invocation, UsageError> parse_command_line(const Command& root,
                                                        std::span<const Argument> globals,
                                                        const std::vector<std::string>& words);

}  // namespace keyhold::cli
