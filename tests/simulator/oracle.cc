#include "oracle.h"

#include <algorithm>

#include "control/test_describe.h"

namespace keyhold::simulator {

using namespace control;  // NOLINT(google-build-using-namespace): it speaks of nothing else

namespace {

// DESIGN 5.
constexpr nanoseconds kConfirmAfter = milliseconds(2500);
constexpr nanoseconds kProbeDeadline = seconds(1);
constexpr nanoseconds kStuckAfter = seconds(10);
constexpr nanoseconds kSpacing = seconds(1);
constexpr std::size_t kTries = 2;
constexpr std::size_t kSuccesses = 3;

// A timer that rings late, and rounding.
constexpr nanoseconds kSlack = milliseconds(20);

bool is_serving(LeasePhase phase) {
  return phase == LeasePhase::serving || phase == LeasePhase::degraded;
}

void add_spaced(std::vector<BootTime>& run, BootTime began) {
  if (run.empty() || began >= run.back() + kSpacing) run.push_back(began);
}

}  // namespace

Oracle::Oracle(World& world, std::string host, const LeasePolicy& policy, const LeaseStart& start,
               bool hears_alerts)
    : world_(world),
      host_(std::move(host)),
      hears_alerts_(hears_alerts),
      policy_(policy),
      tombstone_(start.tombstone),
      serving_(start.fetched_since.has_value()),
      proof_from_(world.now()),
      changed_at_(world.now()) {
  for (const LockboxId id : start.lockboxes) {
    boxes_[id].completed = start.fetched_since.value_or(world.now());
  }
}

void Oracle::fail(const std::string& property, const std::string& what) {
  world_.violated(property, host_ + ": " + what);
}

bool Oracle::settled(LockboxId lockbox) const {
  const auto found = boxes_.find(lockbox);
  return found != boxes_.end() && !found->second.settling_since;
}

std::vector<LockboxId> Oracle::settled() const {
  std::vector<LockboxId> ids;
  for (const auto& [id, box] : boxes_) {
    if (!box.settling_since) ids.push_back(id);
  }
  return ids;
}

// When a lockbox no longer carries the lease.
std::optional<Oracle::Due> Oracle::lost(const Box& box) const {
  if (box.denied_at) {
    const BootTime confirmed = *box.denied_at + kConfirmAfter;
    const BootTime latest = confirmed + 2 * kProbeDeadline;
    if (box.tries.size() < kTries) return Due{latest, SealCause::denied};
    return Due{std::min(latest, std::max(confirmed, box.tries[kTries - 1])), SealCause::denied};
  }
  if (!box.out_at) return std::nullopt;
  const BootTime over = *box.out_at + policy_.grace;
  for (const auto& [began, ended] : box.failures) {
    if (began >= over) return Due{ended, SealCause::grace_over};
  }
  return Due{over + 2 * kProbeDeadline, SealCause::grace_over};
}

std::optional<Oracle::Due> Oracle::due() const {
  std::optional<Due> rule;
  bool one_is_well = false;
  const bool all = policy_.seal_when == SealWhen::all_denied;
  for (const auto& [id, box] : boxes_) {
    if (box.settling_since) continue;
    const auto own = lost(box);
    one_is_well |= !own;
    if (own && (!rule || (all ? own->at > rule->at : own->at < rule->at))) rule = own;
  }
  if (all && one_is_well) rule.reset();
  for (const auto& [id, box] : boxes_) {
    const BootTime stuck = box.completed + kStuckAfter;
    if (!rule || stuck < rule->at) rule = Due{stuck, SealCause::stuck};
  }
  return rule;
}

void Oracle::settle(Box& box) {
  box.settling_since.reset();
  changed_at_ = world_.now();
}

void Oracle::end_settling_by_time() {
  for (auto& [id, box] : boxes_) {
    if (box.settling_since && world_.now() >= *box.settling_since + policy_.settling) settle(box);
  }
}

void Oracle::restart_proof() {
  proof_from_ = world_.now();
  for (auto& [id, box] : boxes_) box.proof.clear();
}

void Oracle::expect(AlertKind kind, std::optional<LockboxId> lockbox) {
  expected_.push_back({kind, lockbox});
}

void Oracle::probe_asked(LockboxId lockbox) {
  if (const auto found = boxes_.find(lockbox); found != boxes_.end()) {
    found->second.asked = world_.now();
  }
}

void Oracle::before(const LeaseEvent& event, LeasePhase phase) {
  expected_.clear();
  ordered_ = false;
  end_settling_by_time();
  if (is_serving(phase)) {
    if (const auto at = due(); at && !overdue_ && world_.now() >= at->at) overdue_ = at;
  }
  if (const auto* ended = std::get_if<ProbeEnded>(&event)) learn(*ended, phase);
  if (const auto* order = std::get_if<SealOrdered>(&event)) {
    ordered_ = true;
    doubted_ |= phase == LeasePhase::unsealing;
    if (tombstone_ != SealCause::order) tombstone_ = order->cause;
    restart_proof();
  }
  if (const auto* order = std::get_if<UnsealOrdered>(&event); order && tombstone_ == order->cause) {
    tombstone_.reset();
    if (phase == LeasePhase::sealed) restart_proof();
  }
  if (std::holds_alternative<SealEnded>(event) && phase == LeasePhase::sealing) restart_proof();
  if (std::holds_alternative<KeysNotFetched>(event)) restart_proof();
  if (const auto* added = std::get_if<LockboxAdded>(&event)) {
    boxes_[added->lockbox].completed = world_.now();
    boxes_[added->lockbox].settling_since = world_.now();
  }
  if (const auto* removed = std::get_if<LockboxRemoved>(&event)) {
    boxes_.erase(removed->lockbox);
    changed_at_ = world_.now();
    if (settled().empty()) {
      for (auto& [id, box] : boxes_) settle(box);
    }
  }
  if (const auto* change = std::get_if<PolicyChanged>(&event)) learn_policy(change->policy);
}

void Oracle::learn_policy(const LeasePolicy& policy) {
  policy_ = policy;
  changed_at_ = world_.now();
  end_settling_by_time();
}

void Oracle::note_end(Box& box, BootTime began) {
  box.asked.reset();
  box.completed = world_.now();
  if (box.denied_at && began >= *box.denied_at) box.tries.push_back(world_.now());
}

void Oracle::learn(const ProbeEnded& ended, LeasePhase phase) {
  const auto found = boxes_.find(ended.lockbox);
  if (found == boxes_.end()) return;
  Box& box = found->second;
  const bool late = !box.asked || ended.began < *box.asked;
  if (!late) note_end(box, ended.began);
  ProbeAnswer answer = ended.answer;
  if (answer == ProbeAnswer::ambiguous) {
    if (!box.ambiguous) expect(AlertKind::ambiguous, ended.lockbox);
    box.ambiguous = true;
    const bool denial = policy_.ambiguous == AmbiguousRule::denial;
    answer = denial ? ProbeAnswer::denied : ProbeAnswer::unavailable;
  }
  if (late && answer != ProbeAnswer::denied) return;
  if (box.settling_since) {
    learn_settling(box, answer, ended.began);
    if (answer == ProbeAnswer::success) learn_proof(box, ended.began, phase);
  } else if (answer == ProbeAnswer::denied) {
    learn_denial(ended.lockbox, box, phase);
  } else if (answer == ProbeAnswer::unavailable) {
    learn_outage(ended.lockbox, box, ended.began);
  } else if (learn_success(ended.lockbox, box, ended.began)) {
    learn_proof(box, ended.began, phase);
  }
}

void Oracle::learn_settling(Box& box, ProbeAnswer answer, BootTime began) {
  if (answer == ProbeAnswer::denied) box.settling_run.clear();
  if (answer == ProbeAnswer::denied) box.proof.clear();
  if (answer != ProbeAnswer::success) return;
  box.ambiguous = false;
  add_spaced(box.settling_run, began);
  if (box.settling_run.size() >= kSuccesses) settle(box);
}

bool Oracle::learn_success(LockboxId id, Box& box, BootTime began) {
  if (box.denied_at && began < *box.denied_at) return false;
  if (serving_ && box.denied_at && world_.now() >= *box.denied_at + kConfirmAfter &&
      world_.now() < lost(box)->at) {
    return false;  // the denial is confirmed as soon as its tries are over
  }
  if (serving_ && !overdue_) {
    // Confirmed is confirmed, even by the end of this very probe.
    if (const auto at = due(); at && world_.now() >= at->at) overdue_ = at;
  }
  if (box.denied_at) expect(AlertKind::denial_cleared, id);
  if (box.out_at) expect(AlertKind::outage_over, id);
  box.denied_at.reset();
  box.tries.clear();
  box.out_at.reset();
  box.failures.clear();
  box.ambiguous = false;
  return true;
}

void Oracle::learn_proof(Box& box, BootTime began, LeasePhase phase) {
  if (phase == LeasePhase::sealed && !tombstone_ && began >= proof_from_) {
    add_spaced(box.proof, began);
  }
}

void Oracle::learn_denial(LockboxId id, Box& box, LeasePhase phase) {
  box.out_at.reset();
  box.failures.clear();
  if (!box.denied_at) {
    box.denied_at = world_.now();
    box.tries.clear();
    expect(AlertKind::denied, id);
  }
  box.proof.clear();
  if (policy_.seal_when == SealWhen::any_denied) restart_proof();
  if (phase == LeasePhase::unsealing && !access_proven(/*well_too=*/true)) doubted_ = true;
}

void Oracle::learn_outage(LockboxId id, Box& box, BootTime began) {
  if (box.denied_at) return;
  if (!box.out_at) {
    box.out_at = world_.now();
    expect(AlertKind::outage, id);
  }
  box.failures.emplace_back(began, world_.now());
}

bool Oracle::proven(const Box& box) const {
  return box.proof.size() >= kSuccesses && !box.denied_at && !box.out_at;
}

bool Oracle::access_proven(bool well_too) const {
  std::size_t settled = 0;
  std::size_t good = 0;
  for (const auto& [id, box] : boxes_) {
    if (box.settling_since) continue;
    ++settled;
    good += well_too ? proven(box) : box.proof.size() >= kSuccesses;
  }
  return policy_.seal_when == SealWhen::all_denied ? good > 0 : settled > 0 && good == settled;
}

void Oracle::check_seal(const Seal& seal) {
  if (ordered_ || doubted_) return;
  const auto at = overdue_ ? overdue_ : due();
  if (at && world_.now() >= at->at) return;
  fail("seals only for a reason", "sealed (" + std::string(name_of(seal.cause)) +
                                      ") though no denial was confirmed and no clock was over");
}

void Oracle::check_unseal() {
  if (tombstone_) return fail("a tombstone holds", "unseals under a tombstone");
  if (access_proven(/*well_too=*/true)) return;
  fail("three successes to unseal",
       "unseals without three successes a second apart since the "
       "seal, its order's end and the last denial");
}

void Oracle::after(const LeaseStep& step, LeasePhase phase) {
  for (const LeaseAction& action : step.actions) {
    if (const auto* seal = std::get_if<Seal>(&action)) {
      check_seal(*seal);
      expect(AlertKind::sealed, std::nullopt);
    }
    if (std::holds_alternative<Unseal>(action)) {
      check_unseal();
      doubted_ = false;
    }
  }
  if (is_serving(phase) && !serving_) {
    if (doubted_) fail("no keys after a denial", "serves though it was denied during the fetch");
    expect(AlertKind::unsealed, std::nullopt);
  }
  for (const Alert& alert : expected_) {
    const auto told = describe(LeaseAction(alert));
    if (hears_alerts_ &&
        !std::ranges::any_of(step.actions, [&](const auto& a) { return describe(a) == told; })) {
      fail("every alert is raised", told + " was not raised");
    }
  }
  serving_ = is_serving(phase);
  if (!serving_) overdue_.reset();
  check_due(phase);
}

void Oracle::check_due(LeasePhase phase) {
  if (!is_serving(phase)) return;
  end_settling_by_time();
  const auto at = overdue_ ? overdue_ : due();
  if (overdue_ || (at && world_.now() > at->at + kSlack)) {
    fail("seals in time", "still " + std::string(name_of(phase)) + ", though " +
                              std::string(name_of(at->cause)) + " was due");
  }
}

void Oracle::served() {
  const auto at = due();
  if (at && world_.now() > at->at) {
    fail("no I/O outlives the lease", "served after " + std::string(name_of(at->cause)));
  }
}

}  // namespace keyhold::simulator
