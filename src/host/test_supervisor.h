// A lifeline to every process of a test's engine, and an engine under a supervisor in this
// process.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/supervisor.h"
#include "host/unique_fd.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::host {

// The program that plays engines and agents; supervisor_test.cc knows from the build where it is.
std::string supervisor_helper();

inline Deadline within(std::chrono::nanoseconds span) {
  return Deadline::after(system_clock(), span);
}

// The reading end of a FIFO or pipe that others write lines into.
class LineReader {
 public:
  explicit LineReader(UniqueFd fd) : fd_(std::move(fd)) {}

  // The next line, or "" at the end of file or after ten seconds.
  std::string line() {
    while (true) {
      const auto end = text_.find('\n');
      if (end != std::string::npos) {
        std::string out = text_.substr(0, end);
        text_.erase(0, end + 1);
        return out;
      }
      if (!more()) return {};
    }
  }
  // Everything up to the line `last`.
  bool reaches(const std::string& last) {
    for (std::string each = line(); !each.empty(); each = line()) {
      if (each == last) return true;
    }
    return false;
  }
  // Whether the last writer is gone within `span`.
  bool ends_within(std::chrono::nanoseconds span) {
    const Deadline deadline = within(span);
    while (more(deadline.remaining(system_clock()))) {
    }
    return ended_;
  }
  // Whether there is a writer, without waiting.
  bool alive() { return !ends_within(std::chrono::nanoseconds(0)); }

 private:
  bool more(std::chrono::nanoseconds span = std::chrono::seconds(10)) {
    pollfd readable{fd_.get(), POLLIN, 0};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(span);
    if (::poll(&readable, 1, static_cast<int>(wait.count())) != 1) return false;
    std::array<char, 4096> bytes{};
    const ssize_t n = ::read(fd_.get(), bytes.data(), bytes.size());
    ended_ = n == 0;
    if (n > 0) text_.append(bytes.data(), static_cast<std::size_t>(n));
    return n > 0;
  }

  UniqueFd fd_;
  std::string text_;
  bool ended_ = false;
};

// A FIFO for the engine. It has no writer before the engine: call reader() once that was started.
class Lifeline {
 public:
  Lifeline() : path_(directory_.path() + "/lifeline") {
    if (::mkfifo(path_.c_str(), 0600) != 0) ADD_FAILURE() << std::strerror(errno);
    // Its own writing end, so that the first engine's is not the first and last at once.
    fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  // REQUIRES: a process has it open for writing, and says a first line.
  LineReader reader() {
    UniqueFd reader(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    pollfd readable{reader.get(), POLLIN, 0};
    EXPECT_EQ(1, ::poll(&readable, 1, 10'000));
    fd_.reset();
    return LineReader(std::move(reader));
  }

 private:
  kms::local::ScratchDirectory directory_;
  std::string path_;
  UniqueFd fd_;
};

inline SupervisorOptions options_for(const Lifeline& line, const std::string& kind,
                                     bool use_cgroup) {
  SupervisorOptions options;
  options.engine = {supervisor_helper(), "engine", line.path(), kind};
  options.program = supervisor_helper();
  options.use_cgroup = use_cgroup;
  options.heartbeat_interval = std::chrono::milliseconds(20);
  return options;
}

}  // namespace keyhold::host
