// What stands at the other end of standard output and standard error.
#pragma once

#include <cstddef>

namespace keyhold::cli {

bool is_terminal(int descriptor);
// Columns of the terminal on standard output or error; 80 where there is none.
std::size_t terminal_width();
// The locale's characters are UTF-8. REQUIRES: setlocale(LC_CTYPE, "") was called.
bool utf8_locale();

}  // namespace keyhold::cli
