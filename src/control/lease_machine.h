// Lease's inside: the state, and the handlers that lease_table.h names. Not for other folders.
#pragma once

#include <optional>
#include <vector>

#include "control/lease.h"
#include "control/lockbox.h"

namespace keyhold::control {

class LeaseMachine {
 public:
  LeaseMachine(const LeasePolicy& policy, const LeaseStart& start, BootTime now);

  LeaseStep step(const LeaseEvent& event, BootTime now, double jitter);

  [[nodiscard]] LeasePhase phase() const { return phase_; }
  [[nodiscard]] std::optional<SealCause> cause() const;
  [[nodiscard]] std::optional<SealCause> tombstone() const { return tombstone_; }
  [[nodiscard]] BootTime valid_until() const;

  // The table's handlers.
  void ignore(const LeaseEvent& /*event*/) {}
  void pass_time(const LeaseEvent& event);
  void learn_serving(const LeaseEvent& event);
  void learn_sealed(const LeaseEvent& event);
  void learn_unsealing(const LeaseEvent& event);
  void learn_sealing(const LeaseEvent& event);
  void seal_by_order(const LeaseEvent& event);
  void seal_after_fetch(const LeaseEvent& event);
  void mark_sealed(const LeaseEvent& event);
  void lift_order(const LeaseEvent& event);
  void finish_seal(const LeaseEvent& event);
  void begin_serving(const LeaseEvent& event);
  void give_up_fetch(const LeaseEvent& event);
  void seal_again(const LeaseEvent& event);
  void seal_once_more(const LeaseEvent& event);
  void add_lockbox(const LeaseEvent& event);
  void remove_lockbox(const LeaseEvent& event);
  void change_policy(const LeaseEvent& event);

 private:
  void dispatch(const LeaseEvent& event);
  void tell(AlertKind kind, std::optional<LockboxId> lockbox = std::nullopt);
  void tell(std::optional<AlertKind> kind, LockboxId lockbox);

  Lockbox* find(LockboxId id);
  [[nodiscard]] bool serves() const;
  // Ends the probe, if it is the one under way. None where the answer says nothing.
  Lockbox* take(const ProbeEnded& ended);
  ProbeAnswer interpret(Lockbox& lockbox, ProbeAnswer answer);
  ProbeAnswer weigh(Lockbox& lockbox, const ProbeEnded& ended);
  void end_settling_by_time();

  [[nodiscard]] Lockbox::End lease_end() const;
  [[nodiscard]] std::optional<Lockbox::End> rule_end() const;
  void judge();
  void begin_seal(SealCause cause);
  void write_tombstone(SealCause cause);

  [[nodiscard]] bool held_by_order() const { return tombstone_ || ring_lost_; }
  [[nodiscard]] bool proven(const Lockbox& lockbox) const;
  [[nodiscard]] bool access_proven() const;
  void restart_proof();
  void doubt(Lockbox& lockbox);
  void consider_unseal();

  [[nodiscard]] BootTime next_probe(const Lockbox& lockbox) const;
  void ask_probes(double jitter);
  [[nodiscard]] BootTime wake_at() const;

  LeasePolicy policy_;
  LeasePhase phase_;
  std::vector<Lockbox> lockboxes_;
  std::optional<SealCause> cause_;
  std::optional<SealCause> tombstone_;
  bool ring_lost_ = false;
  BootTime proof_from_;                   // what began before is no proof of access
  std::optional<SealCause> after_fetch_;  // seal for this as soon as the fetch is over
  bool keys_while_sealing_ = false;
  BootTime now_;
  std::vector<LeaseAction> actions_;
};

}  // namespace keyhold::control
