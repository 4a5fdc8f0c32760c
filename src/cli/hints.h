// What to do about a failure: the second line that a user sees.
#pragma once

#include <string>

#include "base/error.h"

namespace keyhold::cli {

// Empty where the message alone says all. `command` is the command's full name.
std::string hint_for(Code code, const std::string& command);

}  // namespace keyhold::cli
