#include "mutant.h"

#include <algorithm>
#include <chrono>

namespace keyhold::simulator {

using namespace control;  // NOLINT(google-build-using-namespace): a shim around all of it

namespace {

constexpr nanoseconds kNever = std::chrono::hours(10'000);

}  // namespace

Mutant::Mutant(Bug bug, const LeasePolicy& policy, const LeaseStart& start, BootTime now)
    : bug_(bug), policy_(policy), lease_(spoil(bug, policy), start, now) {}

LeasePolicy Mutant::spoil(Bug bug, LeasePolicy policy) {
  switch (bug) {
    case Bug::one_denial_suffices:
      policy.confirm_after = {};
      policy.confirm_probes = 0;
      break;
    case Bug::ambiguous_as_denial:
      policy.ambiguous = AmbiguousRule::denial;
      break;
    case Bug::any_denied_as_all_denied:
      policy.seal_when = SealWhen::all_denied;
      break;
    case Bug::all_denied_as_any_denied:
      policy.seal_when = SealWhen::any_denied;
      break;
    case Bug::stuck_not_noticed:
      policy.stuck_after = kNever;
      break;
    case Bug::settling_ignored:
      policy.settling = {};
      break;
    case Bug::settling_never_ends:
      policy.settling = kNever;
      break;
    case Bug::unseal_after_one_success:
      policy.successes_to_unseal = 1;
      break;
    case Bug::successes_not_spaced:
      policy.success_spacing = {};
      break;
    default:
      break;
  }
  return policy;
}

LeaseStep Mutant::step(LeaseEvent event, BootTime now, double jitter) {
  if (!spoil(event, now)) event = Tick{};
  LeaseStep step = lease_.step(event, now, jitter);
  spoil(step);
  const bool seals = std::ranges::any_of(
      step.actions, [](const LeaseAction& action) { return std::holds_alternative<Seal>(action); });
  if (bug_ != Bug::seal_not_awaited || !seals) return step;
  LeaseStep more = lease_.step(SealEnded{}, now, jitter);
  step.actions.insert(step.actions.end(), more.actions.begin(), more.actions.end());
  step.wake_at = more.wake_at;
  return step;
}

bool Mutant::spoil(LeaseEvent& event, BootTime now) {
  if (auto* ended = std::get_if<ProbeEnded>(&event)) spoil(*ended, now);
  if (auto* change = std::get_if<PolicyChanged>(&event)) {
    policy_ = change->policy;
    change->policy = spoil(bug_, policy_);
    return bug_ != Bug::policy_change_ignored;
  }
  if (const auto* added = std::get_if<LockboxAdded>(&event)) added_[added->lockbox] = now;
  if (auto* order = std::get_if<UnsealOrdered>(&event); order != nullptr) {
    if (bug_ == Bug::any_order_unseals) order->cause = lease_.tombstone().value_or(order->cause);
  }
  const bool sealing = lease_.phase() == LeasePhase::sealing;
  const bool lost = bug_ == Bug::order_while_sealing_lost && sealing;
  return !(lost && std::holds_alternative<SealOrdered>(event));
}

bool Mutant::another_is_well(LockboxId than) const {
  return std::ranges::any_of(last_, [&](const auto& entry) {
    return entry.first != than && entry.second == ProbeAnswer::success;
  });
}

void Mutant::spoil(ProbeEnded& ended, BootTime now) {
  const ProbeAnswer truth = last_[ended.lockbox] = ended.answer;
  const bool settles = std::ranges::any_of(added_, [&](const auto& entry) {
    return entry.first != ended.lockbox && now < entry.second + policy_.settling;
  });
  switch (bug_) {
    case Bug::cut_network_clears_denial:
      if (truth == ProbeAnswer::unavailable && denied_.contains(ended.lockbox)) {
        ended.answer = ProbeAnswer::success;
      }
      break;
    case Bug::stale_success_clears_denial:
      if (truth == ProbeAnswer::success) ended.began = now;
      break;
    case Bug::grace_shared_over_lockboxes:
      if (truth == ProbeAnswer::unavailable && out_.contains(ended.lockbox) &&
          another_is_well(ended.lockbox)) {
        ended.answer = ProbeAnswer::success;
      }
      break;
    case Bug::settling_covers_old_key:
      if (truth == ProbeAnswer::denied && settles) ended.answer = ProbeAnswer::unavailable;
      break;
    case Bug::denial_keeps_the_count:
      if (truth == ProbeAnswer::denied && lease_.phase() == LeasePhase::sealed) {
        ended.answer = ProbeAnswer::unavailable;
      }
      break;
    case Bug::denial_while_unsealing_forgotten:
      if (truth == ProbeAnswer::denied && lease_.phase() == LeasePhase::unsealing) {
        ended.answer = ProbeAnswer::unavailable;
      }
      break;
    default:
      break;
  }
  // Of what the lease now believes.
  (ended.answer == ProbeAnswer::denied) ? (void)denied_.insert(ended.lockbox)
                                        : (void)denied_.erase(ended.lockbox);
  (ended.answer == ProbeAnswer::unavailable) ? (void)out_.insert(ended.lockbox)
                                             : (void)out_.erase(ended.lockbox);
}

void Mutant::spoil(LeaseStep& step) const {
  if (bug_ != Bug::alert_lost) return;
  std::erase_if(step.actions, [](const LeaseAction& action) {
    const auto* alert = std::get_if<Alert>(&action);
    return alert != nullptr && alert->kind == AlertKind::outage;
  });
}

}  // namespace keyhold::simulator
