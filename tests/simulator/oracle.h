// What DESIGN 5 asks of a lease, said once more and otherwise: from the answers that a host was
// given, when it must have sealed, when it may have, when it may come back, and what it must tell.
// It knows the design's numbers itself and looks at nothing inside the lease.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/lease.h"
#include "world.h"

namespace keyhold::simulator {

using control::LockboxId;

class Oracle {
 public:
  Oracle(World& world, std::string host, const control::LeasePolicy& policy,
         const control::LeaseStart& start, bool hears_alerts);

  // Before the lease is told; then what it did. The clocks are looked at first: what is over is
  // over whatever the event says.
  void before(const control::LeaseEvent& event, control::LeasePhase phase);
  void after(const control::LeaseStep& step, control::LeasePhase phase);
  void probe_asked(LockboxId lockbox);

  // The host is awake, and served a read or a write now.
  void served();
  // The host is awake: what is due is done.
  void check_due(control::LeasePhase phase);

  [[nodiscard]] bool settled(LockboxId lockbox) const;
  [[nodiscard]] std::vector<LockboxId> settled() const;
  [[nodiscard]] BootTime changed_at() const { return changed_at_; }  // settled ones, or policy

 private:
  struct Box {
    BootTime completed;
    std::optional<BootTime> asked;
    std::optional<BootTime> settling_since;
    std::vector<BootTime> settling_run;
    // Trouble: since its first denial, else since the end of its first unanswered probe.
    std::optional<BootTime> denied_at;
    std::vector<BootTime> tries;  // ends of probes that began after it
    std::optional<BootTime> out_at;
    std::vector<std::pair<BootTime, BootTime>> failures;  // since, each from when to when
    bool ambiguous = false;
    std::vector<BootTime> proof;  // beginnings of the successes that count for an unseal
  };
  struct Due {
    BootTime at;
    control::SealCause cause;
  };

  void learn(const control::ProbeEnded& ended, control::LeasePhase phase);
  void learn_settling(Box& box, control::ProbeAnswer answer, BootTime began);
  bool learn_success(LockboxId id, Box& box, BootTime began);
  void learn_proof(Box& box, BootTime began, control::LeasePhase phase);
  void learn_denial(LockboxId id, Box& box, control::LeasePhase phase);
  void learn_outage(LockboxId id, Box& box, BootTime began);
  void learn_policy(const control::LeasePolicy& policy);
  void end_settling_by_time();
  void settle(Box& box);
  void restart_proof();
  void note_end(Box& box, BootTime began);

  [[nodiscard]] std::optional<Due> lost(const Box& box) const;
  [[nodiscard]] std::optional<Due> due() const;
  [[nodiscard]] bool proven(const Box& box) const;
  [[nodiscard]] bool access_proven(bool well_too) const;
  void check_seal(const control::Seal& seal);
  void check_unseal();
  void expect(control::AlertKind kind, std::optional<LockboxId> lockbox);
  void fail(const std::string& property, const std::string& what);

  World& world_;
  std::string host_;
  bool hears_alerts_;
  control::LeasePolicy policy_;
  std::map<LockboxId, Box> boxes_;
  std::optional<control::SealCause> tombstone_;
  std::optional<Due> overdue_;  // must have sealed, whatever comes
  bool serving_;
  bool doubted_ = false;  // a denial or an order came while the keys were being fetched
  bool ordered_ = false;  // this event asks for a seal
  BootTime proof_from_;
  BootTime changed_at_;
  std::vector<control::Alert> expected_;
};

}  // namespace keyhold::simulator
