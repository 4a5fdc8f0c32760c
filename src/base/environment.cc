#include "base/environment.h"

#include <algorithm>
#include <vector>

#include <unistd.h>

#include "base/suggest.h"

namespace keyhold {
namespace {

constexpr std::string_view kPrefix = "KEYHOLD_";

const std::vector<std::string>& known_names() {
  static const std::vector<std::string> names = {
      "KEYHOLD_AEAD",     "KEYHOLD_API_KEY",      "KEYHOLD_CA_FILE",  "KEYHOLD_CONFIG",
      "KEYHOLD_JOBS",     "KEYHOLD_KMS_DEADLINE", "KEYHOLD_KMS_WAIT", "KEYHOLD_LOG",
      "KEYHOLD_PROGRESS", "KEYHOLD_SERVER"};
  return names;
}

}  // namespace

bool is_known_variable(std::string_view name) {
  if (!name.starts_with(kPrefix)) return true;
  if (name.starts_with("KEYHOLD_DEV_") || name.starts_with("KEYHOLD_TEST_")) return true;
  return std::ranges::find(known_names(), name) != known_names().end();
}

Status check_environment(std::span<const char* const> variables) {
  for (const std::string_view variable : variables) {
    const std::string name(variable.substr(0, variable.find('=')));
    if (is_known_variable(name)) continue;
    return fail(Code::invalid_argument, "unknown environment variable " + name +
                                            suggestion(name, known_names()) +
                                            " (a name of one's own begins with anything but "
                                            "KEYHOLD_)");
  }
  return {};
}

Status check_environment() {
  std::size_t count = 0;
  while (environ != nullptr && environ[count] != nullptr) ++count;
  return check_environment(std::span<const char* const>(environ, count));
}

}  // namespace keyhold
