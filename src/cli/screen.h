// Standard error with at most one line that is drawn over and over (a progress bar) below what is
// said for good.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include <unistd.h>

#include "base/patient_writer.h"
#include "cli/output.h"

namespace keyhold::cli {

// Thread-safe.
struct Output::Screen {
 public:
  void say(std::string_view line) {
    const std::lock_guard lock(mutex_);
    std::fprintf(stderr, "%s%.*s\n%s", erase(), static_cast<int>(line.size()), line.data(),
                 drawn_.c_str());
    std::fflush(stderr);
  }

  // The same for what a working thread reports: it waits for no reader.
  void report(std::string_view line) {
    const std::lock_guard lock(mutex_);
    writer_.write(erase() + std::string(line) + "\n" + drawn_);
  }

  void draw(std::string line) {
    const std::lock_guard lock(mutex_);
    const char* before = erase();
    drawn_ = std::move(line);
    std::fprintf(stderr, "%s%s", before, drawn_.c_str());
    std::fflush(stderr);
  }

 private:
  [[nodiscard]] const char* erase() const { return drawn_.empty() ? "" : "\r\033[K"; }

  std::mutex mutex_;
  PatientWriter writer_{STDERR_FILENO};
  std::string drawn_;
};

}  // namespace keyhold::cli
