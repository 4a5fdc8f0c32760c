// The address of a store, as --fs_uri takes it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace keyhold::rocks {

inline constexpr std::string_view kScheme = "keyhold";

// The store's root in "keyhold:///abs/path/of/store". Code::invalid_argument for anything else,
// settings behind a "?" included: there are none.
Result<std::string> root_of_uri(std::string_view uri);

}  // namespace keyhold::rocks
