// The whole program but main().
#pragma once

#include <string>
#include <vector>

namespace keyhold::cli {

// `words` without the program's name. Returns the exit status (base/error.h: exit_status).
int run(const std::vector<std::string>& words);

}  // namespace keyhold::cli
