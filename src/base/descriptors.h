// File descriptors and the standard streams.
#pragma once

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace keyhold {

// The same open file at a number above 2; `fd` is closed where it was one of those. Where a
// standard stream is closed, the next open() gets its number, and whoever prints would write into
// our file. -1, with errno, where `fd` is -1 or there are no more descriptors. Close-on-exec. Takes
// the place of `fd` before anything depends on it: fcntl locks do not survive.
inline int above_standard_streams(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int lifted = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error_number = errno;
  ::close(fd);
  errno = error_number;
  return lifted;
}

}  // namespace keyhold
