// What every command takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/command.h"

namespace keyhold::cli {

struct GlobalOptions {
  bool help = false;
  bool json = false;
  std::string settings_file;
  std::map<std::string, std::string> setting_flags;

  // The help flag first. They store into this object.
  std::vector<Argument> arguments();
};

}  // namespace keyhold::cli
