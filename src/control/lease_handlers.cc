// What the cells of lease_table.h do.
#include <algorithm>
#include <cassert>
#include <utility>

#include "control/lease_machine.h"

namespace keyhold::control {

void LeaseMachine::pass_time(const LeaseEvent& /*event*/) {
  end_settling_by_time();
  judge();
}

Lockbox* LeaseMachine::take(const ProbeEnded& ended) {
  Lockbox* lockbox = find(ended.lockbox);
  if (lockbox == nullptr) return nullptr;  // removed meanwhile
  if (!lockbox->is_late(ended.began)) {
    lockbox->probe_ended(ended.began, now_);
    return lockbox;
  }
  return interpret(*lockbox, ended.answer) == ProbeAnswer::denied ? lockbox : nullptr;
}

ProbeAnswer LeaseMachine::interpret(Lockbox& lockbox, ProbeAnswer answer) {
  if (answer != ProbeAnswer::ambiguous) return answer;
  if (lockbox.ambiguous()) tell(AlertKind::ambiguous, std::optional(lockbox.id()));
  return policy_.ambiguous == AmbiguousRule::denial ? ProbeAnswer::denied
                                                    : ProbeAnswer::unavailable;
}

// What the answer says, once it is noted.
ProbeAnswer LeaseMachine::weigh(Lockbox& lockbox, const ProbeEnded& ended) {
  const ProbeAnswer answer = interpret(lockbox, ended.answer);
  if (lockbox.settling()) {
    lockbox.settle(answer, ended.began, policy_);
  } else if (answer == ProbeAnswer::success) {
    tell(lockbox.succeeded(ended.began), lockbox.id());
  } else if (answer == ProbeAnswer::denied) {
    tell(lockbox.denied(now_), lockbox.id());
  } else {
    tell(lockbox.unanswered(ended.began, now_), lockbox.id());
  }
  return answer;
}

void LeaseMachine::learn_serving(const LeaseEvent& event) {
  const auto& ended = std::get<ProbeEnded>(event);
  Lockbox* lockbox = take(ended);
  if (lockbox == nullptr) return;
  judge();  // it may have been the last try that a denial waited for, and come too late to clear it
  if (ended.answer == ProbeAnswer::success && lockbox->awaits_tries(now_, policy_)) return;
  weigh(*lockbox, ended);
  judge();
}

void LeaseMachine::learn_sealed(const LeaseEvent& event) {
  const auto& ended = std::get<ProbeEnded>(event);
  Lockbox* lockbox = take(ended);
  if (lockbox == nullptr) return;
  const ProbeAnswer answer = weigh(*lockbox, ended);
  if (answer == ProbeAnswer::denied) return doubt(*lockbox);
  if (answer != ProbeAnswer::success || !lockbox->well()) return;
  if (ended.began < proof_from_ || held_by_order()) return;
  lockbox->unseal_run().add(ended.began, policy_.success_spacing);
  consider_unseal();
}

void LeaseMachine::learn_unsealing(const LeaseEvent& event) {
  const auto& ended = std::get<ProbeEnded>(event);
  Lockbox* lockbox = take(ended);
  if (lockbox == nullptr || weigh(*lockbox, ended) != ProbeAnswer::denied) return;
  doubt(*lockbox);
  if (lockbox->settling()) return;
  if (!access_proven() && !after_fetch_) after_fetch_ = SealCause::denied;
}

void LeaseMachine::learn_sealing(const LeaseEvent& event) {
  const auto& ended = std::get<ProbeEnded>(event);
  if (Lockbox* lockbox = take(ended)) weigh(*lockbox, ended);
}

void LeaseMachine::write_tombstone(SealCause cause) {
  assert(cause == SealCause::order || cause == SealCause::local_order);
  // Whoever may unseal here could else undo what the customer ordered.
  if (tombstone_ == SealCause::order && cause == SealCause::local_order) return;
  tombstone_ = cause;
  actions_.emplace_back(WriteTombstone{.cause = cause});
}

void LeaseMachine::seal_by_order(const LeaseEvent& event) {
  const SealCause cause = std::get<SealOrdered>(event).cause;
  write_tombstone(cause);
  begin_seal(cause);
}

void LeaseMachine::seal_after_fetch(const LeaseEvent& event) {
  const SealCause cause = std::get<SealOrdered>(event).cause;
  write_tombstone(cause);
  after_fetch_ = cause;
}

void LeaseMachine::mark_sealed(const LeaseEvent& event) {
  write_tombstone(std::get<SealOrdered>(event).cause);
  restart_proof();
}

void LeaseMachine::lift_order(const LeaseEvent& event) {
  const SealCause cause = std::get<UnsealOrdered>(event).cause;
  const bool lifts = tombstone_ == cause;
  const bool mends = ring_lost_ && cause == SealCause::local_order;
  if (lifts) {
    tombstone_.reset();
    actions_.emplace_back(ClearTombstone{});
  }
  if (mends) ring_lost_ = false;
  if ((!lifts && !mends) || phase_ != LeasePhase::sealed) return;
  restart_proof();
  for (Lockbox& lockbox : lockboxes_) lockbox.probe_soon();
}

void LeaseMachine::finish_seal(const LeaseEvent& /*event*/) {
  if (std::exchange(keys_while_sealing_, false)) {
    actions_.emplace_back(Seal{.cause = *cause_});
    return;
  }
  phase_ = LeasePhase::sealed;
  restart_proof();
  for (Lockbox& lockbox : lockboxes_) lockbox.probe_soon();
}

void LeaseMachine::begin_serving(const LeaseEvent& /*event*/) {
  if (after_fetch_) return begin_seal(*after_fetch_);
  phase_ = LeasePhase::serving;
  cause_.reset();
  tell(AlertKind::unsealed);
  judge();
}

void LeaseMachine::give_up_fetch(const LeaseEvent& event) {
  const auto& failed = std::get<KeysNotFetched>(event);
  const bool denied =
      failed.answer == ProbeAnswer::denied ||
      (failed.answer == ProbeAnswer::ambiguous && policy_.ambiguous == AmbiguousRule::denial);
  ring_lost_ = failed.ring_lost;
  restart_proof();
  if (after_fetch_) return begin_seal(*after_fetch_);
  if (denied) {
    cause_ = SealCause::denied;
    tell(AlertKind::denied);
  }
  phase_ = LeasePhase::sealed;
}

// Keys where none should be.
void LeaseMachine::seal_again(const LeaseEvent& /*event*/) {
  begin_seal(cause().value_or(SealCause::stuck));
}

void LeaseMachine::seal_once_more(const LeaseEvent& /*event*/) {
  keys_while_sealing_ = true;
}

void LeaseMachine::add_lockbox(const LeaseEvent& event) {
  const LockboxId id = std::get<LockboxAdded>(event).lockbox;
  assert(std::ranges::find(lockboxes_, id, &Lockbox::id) == lockboxes_.end());
  lockboxes_.emplace_back(id, /*settling=*/true, now_);
}

void LeaseMachine::remove_lockbox(const LeaseEvent& event) {
  std::erase_if(lockboxes_, [id = std::get<LockboxRemoved>(event).lockbox](const Lockbox& lockbox) {
    return lockbox.id() == id;
  });
  assert(!lockboxes_.empty());
  if (std::ranges::all_of(lockboxes_, &Lockbox::settling)) {
    for (Lockbox& lockbox : lockboxes_) lockbox.end_settling();
  }
  judge();
  consider_unseal();
}

void LeaseMachine::change_policy(const LeaseEvent& event) {
  policy_ = std::get<PolicyChanged>(event).policy;
  end_settling_by_time();
  judge();
  consider_unseal();
}

}  // namespace keyhold::control
