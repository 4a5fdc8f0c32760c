// The environment variables that are Keyhold's. An unknown one is an error, as an unknown key of
// keyhold.toml is: a mistyped name must not mean that a setting is silently not obeyed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyhold {

// Whether a variable of that name may be there: it is not Keyhold's, or it is on the list
// (environment.cc), KEYHOLD_DEV_… or KEYHOLD_TEST_….
bool is_known_variable(std::string_view name);

// Code::invalid_argument for the first unknown KEYHOLD_… of `variables` ("NAME=VALUE"), with the
// nearest known name.
Status check_environment(std::span<const char* const> variables);
// That of this process.
Status check_environment();

}  // namespace keyhold
