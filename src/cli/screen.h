// Standard error with at most one line that is drawn over and over (a progress bar) below what is
// said for good.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

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
  std::string drawn_;
};

}  // namespace keyhold::cli
