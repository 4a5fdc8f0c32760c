// The cloud's own idea of the date, which an administrator may move: sessions end, deletion windows
// pass and clients' clocks look wrong without anybody waiting. Thread-safe; not kept over a
// restart.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace keyhold::devcloud {

class ShiftedClock final : public Clock {
 public:
  // `machine` outlives it.
  explicit ShiftedClock(const Clock& machine) : machine_(&machine) {}

  [[nodiscard]] BootTime boot_now() const override { return machine_->boot_now(); }
  [[nodiscard]] WallTime wall_now() const override {
    return machine_->wall_now() + std::chrono::milliseconds(offset_ms_.load());
  }
  [[nodiscard]] std::chrono::milliseconds offset() const {
    return std::chrono::milliseconds(offset_ms_.load());
  }
  void set_offset(std::chrono::milliseconds offset) { offset_ms_ = offset.count(); }

 private:
  const Clock* machine_;
  std::atomic<std::int64_t> offset_ms_ = 0;
};

}  // namespace keyhold::devcloud
