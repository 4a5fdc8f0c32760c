// A service's state over time: the newest version, and the one that requests are judged by, which a
// cloud's caches let lag behind.
//
// T is copyable. A change copies the newest version, edits the copy, saves it durably and only then
// lets anybody see it. Thread-safe; what current() and visible() return never changes.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/error.h"

namespace keyhold::devcloud {

template <typename T>
class Versions {
 public:
  using Save = std::function<Status(const T&)>;
  using Delay = std::function<std::chrono::milliseconds()>;

  // `clock` outlives this. `delay`: how long a change takes until requests are judged by it.
  Versions(T first, const Clock& clock, Save save, Delay delay)
      : clock_(&clock), save_(std::move(save)), delay_(std::move(delay)) {
    versions_.push_back({clock.boot_now(), std::make_shared<const T>(std::move(first))});
  }

  [[nodiscard]] std::shared_ptr<const T> newest() const {
    const std::lock_guard lock(mutex_);
    return versions_.back().value;
  }

  [[nodiscard]] std::shared_ptr<const T> visible() const {
    const std::lock_guard lock(mutex_);
    const BootTime now = clock_->boot_now();
    while (versions_.size() > 1 && versions_[1].from <= now) versions_.pop_front();
    return versions_.front().value;
  }

  // `edit` takes T& and returns a Status or a Result; its failure leaves everything as it was.
  template <typename Edit>
  auto change(Edit edit) -> decltype(edit(std::declval<T&>())) {
    const std::lock_guard changing(changing_);
    auto next = std::make_shared<T>(*newest());
    auto outcome = edit(*next);
    if (!outcome) return outcome;
    if (const Status saved = save_(*next); !saved) return tl::unexpected(saved.error());
    const std::lock_guard lock(mutex_);
    // Never before a change that came earlier.
    const BootTime from = std::max(clock_->boot_now() + delay_(), versions_.back().from);
    versions_.push_back({from, std::move(next)});
    return outcome;
  }

 private:
  struct Version {
    BootTime from;
    std::shared_ptr<const T> value;
  };

  const Clock* clock_;
  const Save save_;
  const Delay delay_;
  std::mutex changing_;
  mutable std::mutex mutex_;
  mutable std::deque<Version> versions_;  // the first is visible
};

}  // namespace keyhold::devcloud
