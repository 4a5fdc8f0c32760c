#include "cli/terminal.h"

#include <string_view>

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace keyhold::cli {

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

std::size_t terminal_width() {
  constexpr std::size_t kDefault = 80;
  constexpr std::size_t kNarrowest = 40;
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col >= kNarrowest) {
      return size.ws_col;
    }
  }
  return kDefault;
}

bool utf8_locale() {
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

}  // namespace keyhold::cli
