// What a command gets beside its own arguments.
#pragma once

#include <map>
#include <string>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/settings.h"

namespace keyhold::cli {

struct Session {
  Output& output;
  const Command& root;
  std::map<std::string, std::string> setting_flags;  // as given; `settings` holds their effect
  std::string settings_file;                         // --config; empty: not given
  Settings settings;
  int exit_status = 0;  // of a command that succeeded; the agent passes its engine's on
};

}  // namespace keyhold::cli
