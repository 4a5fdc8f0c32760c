// Which Keyhold this is.
#pragma once

#include <cstdint>
#include <string_view>

namespace keyhold::cli {

// The project's version, from CMake.
inline constexpr std::string_view kVersion = KEYHOLD_VERSION;
// The newest format of stores that this build reads and the one that it writes.
inline constexpr std::uint32_t kStoreFormat = 1;

}  // namespace keyhold::cli
