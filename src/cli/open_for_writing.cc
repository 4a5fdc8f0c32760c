#include "cli/open_for_writing.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace keyhold::cli {

bool open_for_writing(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return false;
  const bool refused = ::fcntl(file, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
  ::close(file);  // ends the lease too
  return refused;
}

}  // namespace keyhold::cli
