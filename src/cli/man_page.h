// Manual pages (man(7) macros), made from the table.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command.h"

namespace keyhold::cli {

struct ManPage {
  std::string file_name;  // "keyhold-store-init.1"
  std::string content;
};

// One page for each command that is not hidden, the groups included; the last one is
// keyhold.toml(5).
std::vector<ManPage> man_pages(const Command& root, std::span<const Argument> globals);

}  // namespace keyhold::cli
