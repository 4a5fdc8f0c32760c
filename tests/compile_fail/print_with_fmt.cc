#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include "secrets.h"

std::string leak(const Key256& key) {
  return fmt::format("{}", key);  // must not compile: formattable|fallback_formatter
}
