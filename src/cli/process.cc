#include <cstdlib>

#include "base/log.h"
#include "cli/settings.h"

namespace keyhold::cli {
namespace {

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "info") return log::Level::info;
  return name == "warning" ? log::Level::warning : log::Level::error;
}

}  // namespace

Status apply_to_process(const Settings& settings) {
  log::set_level(level_of(settings.log_level));
  // crypto reads the environment at its first use, which is yet to come.
  // NOLINTBEGIN(concurrency-mt-unsafe): no thread was started yet
  const int result = settings.aead == "auto" ? ::unsetenv("KEYHOLD_AEAD")
                                             : ::setenv("KEYHOLD_AEAD", settings.aead.c_str(), 1);
  // NOLINTEND(concurrency-mt-unsafe)
  return result == 0 ? Status() : fail(Code::internal, "the environment cannot be changed");
}

}  // namespace keyhold::cli
