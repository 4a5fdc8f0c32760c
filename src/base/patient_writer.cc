#include "base/patient_writer.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <limits.h>
#include <poll.h>
#include <unistd.h>

namespace keyhold {
namespace {

constexpr int kPatienceMs = 50;

// Room for PIPE_BUF bytes at least (pipe(7)).
bool has_room(int descriptor, int patience_ms) {
  pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&room, 1, patience_ms) != 0;
}

}  // namespace

void PatientWriter::write(std::string_view line) {
  if (dropped_ > 0 && has_room(descriptor_, 0)) {
    const std::string lost = std::to_string(dropped_) +
                             (dropped_ == 1 ? " line was" : " lines were") +
                             " dropped here: nobody read them\n";
    if (put(lost)) dropped_ = 0;
  }
  if (!put(line)) ++dropped_;
}

bool PatientWriter::put(std::string_view text) const {
  while (!text.empty()) {
    if (!has_room(descriptor_, dropped_ > 0 ? 0 : kPatienceMs)) return false;
    const ssize_t written =
        ::write(descriptor_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return false;
    if (written <= 0) return true;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace keyhold
