#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

#include <fmt/core.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/screen.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace keyhold::cli {

struct Progress::State {
  std::string label;
  std::uint64_t total;
  bool utf8;
  BootTime begin;
  std::atomic<std::uint64_t> done{0};
  std::mutex mutex;  // of what follows
  BootTime next_drawing;
};

Progress::Progress(Output& output, std::string label, std::uint64_t total_bytes, bool drawn)
    : output_(output) {
  if (!drawn) return;
  const BootTime now = system_clock().boot_now();
  state_ = std::make_unique<State>();
  state_->label = std::move(label);
  state_->total = total_bytes;
  state_->utf8 = utf8_locale();
  state_->begin = now;
  state_->next_drawing = now;
}

Progress::~Progress() {
  if (state_) output_.screen_->draw("");
}

void Progress::add(std::uint64_t bytes) {
  constexpr std::chrono::milliseconds kInterval(100);
  if (!state_) return;
  const std::uint64_t done = state_->done += bytes;
  const std::unique_lock lock(state_->mutex, std::try_to_lock);
  const BootTime now = system_clock().boot_now();
  if (!lock || now < state_->next_drawing) return;
  state_->next_drawing = now + kInterval;
  const double seconds = std::chrono::duration<double>(now - state_->begin).count();
  output_.screen_->draw(progress_line(state_->label, done, state_->total, seconds,
                                      terminal_width() - 1, state_->utf8));
}

std::string progress_line(std::string_view label, std::uint64_t done, std::uint64_t total,
                          double seconds, std::size_t width, bool utf8) {
  const double share =
      total == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  std::string tail = fmt::format(" {:3.0f}%", share * 100);
  if (seconds >= 0.5 && done > 0) {
    const double speed = static_cast<double>(done) / seconds;
    const auto left = static_cast<std::uint64_t>(static_cast<double>(total) * (1 - share) / speed);
    tail += fmt::format("  {}/s  {}:{:02} left", format_bytes(static_cast<std::uint64_t>(speed)),
                        left / 60, left % 60);
  }
  const std::size_t taken = label.size() + tail.size() + 4;
  if (taken + 8 > width) return fmt::format("{} {}", label, tail);
  const std::size_t cells = std::min<std::size_t>(width - taken, 40);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(cells));
  std::string bar;
  for (std::size_t i = 0; i < cells; ++i) {
    if (utf8) {
      bar += i < full ? "█" : "░";
    } else {
      bar += i < full ? '#' : '.';
    }
  }
  return fmt::format("{} [{}]{}", label, bar, tail);
}

}  // namespace keyhold::cli
