// The end of the process where going on would be worse: a broken contract, or a cipher that did not
// run (a seal that was not done must never look done).
#pragma once

#include <string_view>

namespace keyhold::crypto {

// Logs the message and aborts.
[[noreturn]] void fatal(std::string_view message);

// A contract of the caller's, checked in every build.
inline void require(bool condition, std::string_view contract) {
  if (!condition) fatal(contract);
}

}  // namespace keyhold::crypto
