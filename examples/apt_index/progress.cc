#include "progress.h"

#include <cstdio>
#include <utility>

#include <unistd.h>

namespace apt_index {
namespace {

constexpr std::size_t kWidth = 40;

}  // namespace

Progress::Progress(std::string what, std::size_t total)
    : what_(std::move(what)), total_(total), shown_(isatty(STDERR_FILENO) == 1 && total > 0) {}

Progress::~Progress() {
  if (shown_) std::fputc('\n', stderr);
}

void Progress::advance() {
  ++done_;
  const std::size_t step = total_ / 200 + 1;
  if (shown_ && (done_ % step == 0 || done_ == total_)) draw();
}

void Progress::draw() const {
  const std::string bar(done_ * kWidth / total_, '#');
  std::fprintf(stderr, "\r  %s [%-*s] %zu of %zu", what_.c_str(), static_cast<int>(kWidth),
               bar.c_str(), done_, total_);
}

}  // namespace apt_index
