// A lease with a KMS that answers as it is told, and a clock that runs as far as it is told: what a
// host's driver does, without threads.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/lease.h"
#include "control/test_describe.h"

namespace keyhold::control {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class TestLease {
 public:
  explicit TestLease(const LeasePolicy& policy = {}, std::vector<LockboxId> lockboxes = {1})
      : TestLease(policy, LeaseStart{std::move(lockboxes), kStart, std::nullopt}) {}
  TestLease(const LeasePolicy& policy, const LeaseStart& start) : lease(policy, start, kStart) {}

  // How each lockbox answers (success where it is not named; nullopt: not at all), and when.
  std::map<LockboxId, std::optional<ProbeAnswer>> answers;
  nanoseconds latency = milliseconds(100);
  // What answers Seal and Unseal, at once; where not set, the test does.
  bool seals = true;
  std::optional<LeaseEvent> fetch = KeysFetched{};

  Lease lease;

  [[nodiscard]] nanoseconds now() const { return now_ - kStart; }
  [[nodiscard]] BootTime at(nanoseconds time) const { return kStart + time; }

  // One event, now. Its actions are carried out.
  std::string apply(const LeaseEvent& event) {
    const LeaseStep step = lease.step(event, now_, 0.5);
    wake_at_ = step.wake_at;
    for (const LeaseAction& action : step.actions) {
      history.push_back({now(), describe(action)});
      if (const auto* probe = std::get_if<Probe>(&action)) ask(*probe);
    }
    const std::string text = describe(step.actions);
    for (const LeaseAction& action : step.actions) {
      if (std::holds_alternative<Seal>(action) && seals) apply(SealEnded{});
      if (std::holds_alternative<Unseal>(action) && fetch) apply(*fetch);
    }
    return text;
  }

  // Time passes; probes are answered and ticks come when they are due.
  void run_until(nanoseconds end) {
    for (;;) {
      auto next = std::ranges::min_element(under_way_, {}, &UnderWay::ends);
      const bool answered = next != under_way_.end() && next->ends <= std::min(wake_at_, at(end));
      if (!answered && wake_at_ > at(end)) break;
      if (!answered) {
        now_ = std::max(now_, wake_at_);
        apply(Tick{});
        continue;
      }
      const UnderWay probe = *next;
      under_way_.erase(next);
      now_ = probe.ends;
      apply(ProbeEnded{.lockbox = probe.lockbox, .began = probe.began, .answer = probe.answer});
    }
    now_ = std::max(now_, at(end));
  }
  void run_for(nanoseconds span) { run_until(now() + span); }
  // Nothing runs meanwhile: a thread that stands still, or a machine that sleeps.
  void stall(nanoseconds span) { now_ += span; }

  // When `what` was done for the first time since `from`.
  [[nodiscard]] std::optional<nanoseconds> when(std::string_view what,
                                                nanoseconds from = {}) const {
    for (const auto& [time, text] : history) {
      if (time >= from && text == what) return time;
    }
    return std::nullopt;
  }
  [[nodiscard]] long count(std::string_view what, nanoseconds from = {}) const {
    return std::ranges::count_if(
        history, [&](const auto& entry) { return entry.time >= from && entry.text == what; });
  }

  struct Entry {
    nanoseconds time;
    std::string text;
  };
  std::vector<Entry> history;
  bool overlapped = false;  // two probes of one lockbox were under way

 private:
  static constexpr BootTime kStart{hours(1)};
  struct UnderWay {
    LockboxId lockbox;
    BootTime began;
    BootTime ends;
    ProbeAnswer answer;
  };

  void ask(const Probe& probe) {
    overlapped |=
        !silent_.insert(probe.lockbox).second ||
        std::ranges::find(under_way_, probe.lockbox, &UnderWay::lockbox) != under_way_.end();
    const auto it = answers.find(probe.lockbox);
    const auto answer = it == answers.end() ? std::optional(ProbeAnswer::success) : it->second;
    if (answer) silent_.erase(probe.lockbox);
    if (answer) under_way_.push_back({probe.lockbox, now_, now_ + latency, *answer});
  }

  BootTime now_ = kStart;
  BootTime wake_at_ = kStart;
  std::set<LockboxId> silent_;  // asked, and never to be answered
  std::vector<UnderWay> under_way_;
};

}  // namespace keyhold::control
