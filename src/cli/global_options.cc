#include "cli/global_options.h"

#include "cli/settings.h"

namespace keyhold::cli {

std::vector<Argument> GlobalOptions::arguments() {
  std::vector<Argument> all = {
      flag("-h,--help", help, "tell what a command does and takes"),
      flag("--json", json, "print results and errors as JSON"),
      path("--config", "FILE", settings_file, "read settings from this file"),
  };
  for (Argument& argument : cli::setting_flags(setting_flags)) all.push_back(std::move(argument));
  return all;
}

}  // namespace keyhold::cli
