// What to do about a failure, for whoever reads of it.
#pragma once

#include <string_view>

#include "base/error.h"

namespace keyhold {

// One or two sentences; empty where the message says all.
std::string_view advice_for(Code code);

}  // namespace keyhold
