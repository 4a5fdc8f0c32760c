// One lockbox's part in a lease: what its probes said, and its clocks. Pure. One thread at a time.
#pragma once

#include <optional>

#include "control/lease.h"

namespace keyhold::control {

// Successes that follow each other at a distance.
class SuccessRun {
 public:
  void add(BootTime began, nanoseconds spacing);
  void restart() { *this = SuccessRun(); }

  [[nodiscard]] unsigned count() const { return count_; }
  [[nodiscard]] BootTime last() const { return last_; }  // REQUIRES: count() > 0

 private:
  unsigned count_ = 0;
  BootTime last_{};
};

class Lockbox {
 public:
  // A settling lockbox is one that was added under way. Its first probe is due at once, and the
  // clock of the stuck host runs from `since`.
  Lockbox(LockboxId id, bool settling, BootTime since)
      : id_(id),
        completed_(since),
        settling_since_(settling ? std::optional(since) : std::nullopt) {}

  [[nodiscard]] LockboxId id() const { return id_; }

  // Probes. `spread` in [0, 1) is where in its interval the next one falls.
  void probe_asked(BootTime now, double spread);
  [[nodiscard]] bool probing() const { return asked_.has_value(); }
  // Whether a probe that began then is another than the one under way.
  [[nodiscard]] bool is_late(BootTime began) const { return !asked_ || began < *asked_; }
  void probe_ended(BootTime began, BootTime now);
  void probe_soon() { soon_ = true; }
  // `hurried`: a lease hangs on the next answers.
  [[nodiscard]] BootTime next_probe(const LeasePolicy& policy, bool hurried) const;

  // Answers. Each says what the customer has to hear of it.
  std::optional<AlertKind> succeeded(BootTime began);
  std::optional<AlertKind> denied(BootTime now);
  std::optional<AlertKind> unanswered(BootTime began, BootTime now);
  // Whether this is the first since the last success.
  bool ambiguous();

  // Whether its denial is confirmed but for the tries: too late for a success.
  [[nodiscard]] bool awaits_tries(BootTime now, const LeasePolicy& policy) const;

  [[nodiscard]] bool well() const { return !outage_ && !denial_; }
  // When it stops carrying the lease unless something succeeds, and why; none while it is well.
  struct End {
    BootTime at;
    SealCause cause;
  };
  [[nodiscard]] std::optional<End> ends(const LeasePolicy& policy) const;
  [[nodiscard]] BootTime stuck_at(const LeasePolicy& policy) const {
    return completed_ + policy.stuck_after;
  }

  // Settling: answers say nothing yet, but successes add up.
  [[nodiscard]] bool settling() const { return settling_since_.has_value(); }
  [[nodiscard]] BootTime settled_at(const LeasePolicy& policy) const {
    return *settling_since_ + policy.settling;
  }
  void settle(ProbeAnswer answer, BootTime began, const LeasePolicy& policy);
  // By time, so the next answer is wanted at once.
  void end_settling();

  SuccessRun& unseal_run() { return unseal_run_; }
  [[nodiscard]] const SuccessRun& unseal_run() const { return unseal_run_; }

 private:
  struct Outage {
    BootTime since;       // its first probe's end: it began before that
    BootTime last_tried;  // the last failed probe's beginning
  };
  struct Denial {
    BootTime first;
    unsigned tried = 0;  // probes that began after it and ended
  };

  [[nodiscard]] BootTime denial_ends(const LeasePolicy& policy) const;

  LockboxId id_;
  std::optional<BootTime> asked_;  // while a probe is under way
  BootTime began_{};               // the last completed probe's beginning
  BootTime completed_;             // its end
  bool soon_ = true;               // the next one waits for nothing but the one under way
  double spread_ = 0;
  // At most one of the two: an outage that is met after a denial does not outlive it.
  std::optional<Outage> outage_;
  std::optional<Denial> denial_;
  bool ambiguous_ = false;
  std::optional<BootTime> settling_since_;
  SuccessRun settling_run_;
  SuccessRun unseal_run_;
};

}  // namespace keyhold::control
