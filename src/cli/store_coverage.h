// What stands under which DEK generation, for people.
#pragma once

#include <string>

#include "host/file_work.h"

namespace keyhold::cli {

// One line a generation, then what is not under any.
std::string coverage_text(const host::CoverageReport& report, const std::string& root);
// What still needs an older generation: a line each, for the first of them.
std::string pending_text(const host::CoverageReport& report, const std::string& root);

}  // namespace keyhold::cli
