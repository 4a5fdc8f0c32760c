#include "control/lease_machine.h"

#include <algorithm>
#include <cassert>

#include "control/lease_table.h"

namespace keyhold::control {

LeaseMachine::LeaseMachine(const LeasePolicy& policy, const LeaseStart& start, BootTime now)
    : policy_(policy),
      phase_(start.fetched_since ? LeasePhase::serving : LeasePhase::sealed),
      tombstone_(start.tombstone),
      proof_from_(now),
      now_(now) {
  assert(!start.lockboxes.empty());
  assert(!(start.fetched_since && start.tombstone));
  for (const LockboxId id : start.lockboxes) {
    lockboxes_.emplace_back(id, /*settling=*/false, start.fetched_since.value_or(now));
  }
}

LeaseStep LeaseMachine::step(const LeaseEvent& event, BootTime now, double jitter) {
  assert(now >= now_);
  now_ = now;
  actions_.clear();
  dispatch(Tick{});
  if (kind_of(event) != EventKind::tick) dispatch(event);
  ask_probes(jitter);
  return LeaseStep{.actions = std::move(actions_), .wake_at = wake_at()};
}

void LeaseMachine::dispatch(const LeaseEvent& event) {
  const LeaseCell& cell = cell_of(phase_, kind_of(event));
  (this->*cell.handler)(event);
  assert(cell.leads_to.contains(phase_));
}

void LeaseMachine::tell(AlertKind kind, std::optional<LockboxId> lockbox) {
  actions_.emplace_back(Alert{.kind = kind, .lockbox = lockbox});
}

void LeaseMachine::tell(std::optional<AlertKind> kind, LockboxId lockbox) {
  if (kind) tell(*kind, std::optional(lockbox));
}

Lockbox* LeaseMachine::find(LockboxId id) {
  const auto it = std::ranges::find(lockboxes_, id, &Lockbox::id);
  return it == lockboxes_.end() ? nullptr : &*it;
}

bool LeaseMachine::serves() const {
  return phase_ == LeasePhase::serving || phase_ == LeasePhase::degraded;
}

std::optional<SealCause> LeaseMachine::cause() const {
  if (tombstone_) return tombstone_;
  return ring_lost_ ? SealCause::lost_ring : cause_;
}

BootTime LeaseMachine::valid_until() const {
  return serves() ? lease_end().at : BootTime::min();
}

// The earliest of the host's own clock and what the policy makes of the lockboxes'.
Lockbox::End LeaseMachine::lease_end() const {
  Lockbox::End end{.at = BootTime::max(), .cause = SealCause::stuck};
  for (const Lockbox& lockbox : lockboxes_) end.at = std::min(end.at, lockbox.stuck_at(policy_));
  const auto by_rule = rule_end();
  return by_rule && by_rule->at <= end.at ? *by_rule : end;
}

std::optional<Lockbox::End> LeaseMachine::rule_end() const {
  const bool all = policy_.seal_when == SealWhen::all_denied;
  std::optional<Lockbox::End> end;
  for (const Lockbox& lockbox : lockboxes_) {
    if (lockbox.settling()) continue;
    const auto own = lockbox.ends(policy_);
    if (!own && all) return std::nullopt;
    if (!own) continue;
    if (!end || (all ? own->at > end->at : own->at < end->at)) end = own;
  }
  return end;
}

void LeaseMachine::judge() {
  if (!serves()) return;
  if (const Lockbox::End end = lease_end(); now_ >= end.at) return begin_seal(end.cause);
  const bool well = std::ranges::all_of(
      lockboxes_, [](const Lockbox& lockbox) { return lockbox.settling() || lockbox.well(); });
  phase_ = well ? LeasePhase::serving : LeasePhase::degraded;
}

void LeaseMachine::begin_seal(SealCause cause) {
  phase_ = LeasePhase::sealing;
  cause_ = cause;
  after_fetch_.reset();
  keys_while_sealing_ = false;
  actions_.emplace_back(Seal{.cause = cause});
  tell(AlertKind::sealed);
}

void LeaseMachine::end_settling_by_time() {
  for (Lockbox& lockbox : lockboxes_) {
    if (lockbox.settling() && now_ >= lockbox.settled_at(policy_)) lockbox.end_settling();
  }
}

bool LeaseMachine::proven(const Lockbox& lockbox) const {
  return lockbox.unseal_run().count() >= policy_.successes_to_unseal && lockbox.well();
}

bool LeaseMachine::access_proven() const {
  bool any = false;
  bool every = true;
  for (const Lockbox& lockbox : lockboxes_) {
    if (lockbox.settling()) continue;
    any |= proven(lockbox);
    every &= proven(lockbox);
  }
  return policy_.seal_when == SealWhen::all_denied ? any : any && every;
}

void LeaseMachine::restart_proof() {
  proof_from_ = now_;
  for (Lockbox& lockbox : lockboxes_) lockbox.unseal_run().restart();
}

// A denial starts the proof of access anew: of every lockbox where one denial is enough to seal.
void LeaseMachine::doubt(Lockbox& lockbox) {
  lockbox.unseal_run().restart();
  if (policy_.seal_when == SealWhen::any_denied && !lockbox.settling()) restart_proof();
}

void LeaseMachine::consider_unseal() {
  if (phase_ != LeasePhase::sealed || held_by_order() || !access_proven()) return;
  phase_ = LeasePhase::unsealing;
  after_fetch_.reset();
  actions_.emplace_back(Unseal{});
}

BootTime LeaseMachine::next_probe(const Lockbox& lockbox) const {
  const BootTime next = lockbox.next_probe(policy_, serves());
  const SuccessRun& run = lockbox.unseal_run();
  const bool proving = phase_ == LeasePhase::sealed && !held_by_order() && run.count() > 0 &&
                       run.count() < policy_.successes_to_unseal;
  return proving ? std::min(next, run.last() + policy_.success_spacing) : next;
}

void LeaseMachine::ask_probes(double jitter) {
  if (phase_ == LeasePhase::sealing) return;
  for (Lockbox& lockbox : lockboxes_) {
    if (lockbox.probing() || now_ < next_probe(lockbox)) continue;
    lockbox.probe_asked(now_, jitter);
    actions_.emplace_back(Probe{.lockbox = lockbox.id()});
  }
}

BootTime LeaseMachine::wake_at() const {
  BootTime wake = serves() ? lease_end().at : BootTime::max();
  for (const Lockbox& lockbox : lockboxes_) {
    if (lockbox.settling()) wake = std::min(wake, lockbox.settled_at(policy_));
    if (phase_ == LeasePhase::sealing || lockbox.probing()) continue;
    wake = std::min(wake, next_probe(lockbox));
  }
  return wake;
}

}  // namespace keyhold::control
