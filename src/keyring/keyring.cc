#include "keyring/keyring.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

#include "keyring/copies.h"
#include "keyring/lockboxes.h"
#include "keyring/state.h"
#include "keyring/times.h"

namespace keyhold::keyring {
namespace {

constexpr std::chrono::seconds kMaxAge = std::chrono::hours(24 * 36500);

Status check_policy(const RotationPolicy& rotation) {
  if (rotation.age >= std::chrono::seconds(0) && rotation.age <= kMaxAge) return {};
  return fail(Code::invalid_argument,
              "a DEK's age is between 0 (no rotation by age) and 100 years");
}

format::KeyringRecord first_record(const Identity& identity, const RotationPolicy& rotation,
                                   const StoreId& store, std::uint64_t now) {
  const auto age = static_cast<std::uint64_t>(rotation.age.count());
  format::KeyringRecord record;
  record.identity = {.store = store,
                     .org = identity.org.str(),
                     .cluster = identity.cluster.str(),
                     .region = identity.region.str(),
                     .node = identity.node.str()};
  record.sequence = 1;
  record.store_epoch = 1;
  record.created = now;
  record.rotation = {
      .age_seconds = age, .bytes = rotation.bytes, .next_due = age == 0 ? 0 : now + age};
  return record;
}

Status refuse_existing(const Copies& copies, const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(const bool there, copies.any());
  if (!there) return {};
  return fail(Code::already_exists, "there is a key ring in " + directory +
                                        " already: nothing was changed; open that store, or make "
                                        "the new one elsewhere");
}

// What accept-rollback may pass over: all that says that this may not be the newest state.
bool is_acceptable(const Error& error) {
  return error.code() == Code::rollback || error.code() == Code::integrity;
}

// KEK version 1 in its lockbox, DEK generation 1.
Status fill_first(RingChange& change, const Environment& environment, kms::Client& client,
                  Deadline deadline) {
  auto& random = environment.random;
  const WallTime now = environment.clock.wall_now();
  KEYHOLD_TRY_ASSIGN(MadeKek kek,
                     make_kek(crypto::random_id<KeyId>(random), 1, to_seconds(now), random));
  change.kek = std::move(kek.key);
  change.next.kek = kek.record;
  KEYHOLD_TRY_ASSIGN(format::KeyringLockbox lockbox,
                     make_lockbox(client, change.kek, change.next, now, deadline));
  change.next.lockboxes.push_back(std::move(lockbox));
  KEYHOLD_TRY_ASSIGN(crypto::Key256 dek,
                     append_dek(change.next, change.kek, to_seconds(now), random));
  change.new_deks.emplace(1, std::move(dek));
  return {};
}

Result<std::unique_ptr<RingState>> unlocked_state(const FoundCopies& found, Unlocked unlocked,
                                                  std::shared_ptr<Anchor> anchor) {
  KEYHOLD_TRY(verify_keyring_file(found.best_file, found.best, unlocked.kek));
  auto state = std::make_unique<RingState>(std::move(anchor));
  KEYHOLD_TRY_ASSIGN(state->deks, unwrap_deks(found.best.record, unlocked.kek));
  state->record = found.best.record;
  state->digest = found.best.digest;
  state->kek = std::move(unlocked.kek);
  state->count_from_record();
  state->health.copies.assign(found.reports.begin(), found.reports.end());
  state->health.lockbox_problems = std::move(unlocked.problems);
  return state;
}

}  // namespace

KeyRing::KeyRing(const Environment& environment, std::string directory,
                 std::unique_ptr<RingState> state)
    : environment_(environment), directory_(std::move(directory)), state_(std::move(state)) {
  state_->health.detects_rollback = state_->anchoring.is_set();
}

KeyRing::~KeyRing() = default;

Result<std::unique_ptr<KeyRing>> KeyRing::create(const Environment& environment,
                                                 const std::string& directory,
                                                 const Identity& identity,
                                                 const RotationPolicy& rotation,
                                                 kms::Client& client, Deadline deadline,
                                                 std::shared_ptr<Anchor> anchor) {
  const Copies copies(environment.files, directory);
  KEYHOLD_TRY(check_policy(rotation));
  KEYHOLD_TRY(refuse_existing(copies, directory));

  RingChange change;
  change.next = first_record(identity, rotation, crypto::random_id<StoreId>(environment.random),
                             to_seconds(environment.clock.wall_now()));
  KEYHOLD_TRY(format::check_keyring_identity(change.next.identity));
  KEYHOLD_TRY(fill_first(change, environment, client, deadline));

  auto state = std::make_unique<RingState>(std::move(anchor));
  KEYHOLD_TRY_ASSIGN(state->kek, change.kek.clone());
  KEYHOLD_TRY(state->anchoring.reserve(change.next.identity.store, {change.kek, 1}));
  KEYHOLD_TRY(copies.remove_leftovers());
  std::unique_ptr<KeyRing> ring(new KeyRing(environment, directory, std::move(state)));
  KEYHOLD_TRY(ring->commit(std::move(change)));
  return ring;
}

Result<std::unique_ptr<KeyRing>> KeyRing::open(const Environment& environment,
                                               const std::string& directory,
                                               const ClientFactory& clients, Deadline deadline,
                                               OpenOptions options) {
  KEYHOLD_TRY_ASSIGN(const FoundCopies found, Copies(environment.files, directory).load());
  KEYHOLD_TRY_ASSIGN(Unlocked unlocked, unlock(found.best.record, clients, options.denial_rule,
                                               environment.clock, deadline));
  KEYHOLD_TRY_ASSIGN(auto state,
                     unlocked_state(found, std::move(unlocked), std::move(options.anchor)));
  std::unique_ptr<KeyRing> ring(new KeyRing(environment, directory, std::move(state)));
  KEYHOLD_TRY(ring->admit(found, options.accept_rollback));
  return ring;
}

// A change that failed half-way before the wipe may have left a newer content than memory's.
Status KeyRing::check_successor(const FoundCopies& found) const {
  const RingState& state = *state_;
  const auto& record = found.best.record;
  const bool same = record.sequence == state.record.sequence && found.best.digest == state.digest;
  const bool newer = record.sequence > state.record.sequence;
  if (record.identity.store == state.record.identity.store && (same || newer)) return {};
  return fail(Code::rollback,
              "the key ring in " + directory_ +
                  " was replaced while the store was sealed: put the one back that was there "
                  "(sequence " +
                  std::to_string(state.record.sequence) +
                  "), or start anew to be asked by the anchor");
}

Status KeyRing::fetch_keys(const ClientFactory& clients, Deadline deadline, DenialRule rule) {
  const std::scoped_lock change(change_mutex_);
  const Copies copies(environment_.files, directory_);
  const std::uint64_t wipes = wipes_;
  KEYHOLD_TRY_ASSIGN(const FoundCopies found, copies.load());
  KEYHOLD_TRY(check_successor(found));
  KEYHOLD_TRY_ASSIGN(Unlocked unlocked,
                     unlock(found.best.record, clients, rule, environment_.clock, deadline));
  KEYHOLD_TRY_ASSIGN(auto fetched, unlocked_state(found, std::move(unlocked), nullptr));
  KEYHOLD_TRY(copies.repair(found));
  const std::unique_lock lock(state_mutex_);
  if (wipes_ != wipes) return fail(sealed_error());
  state_->record = std::move(fetched->record);
  state_->digest = fetched->digest;
  state_->kek = std::move(fetched->kek);
  state_->deks = std::move(fetched->deks);
  state_->count_from_record();
  state_->health.lockbox_problems = std::move(fetched->health.lockbox_problems);
  state_->health.unsettled = false;
  state_->wiped = false;
  return {};
}

// The last gate: nothing is written before the anchor agrees, nothing is used before both copies
// are whole.
Status KeyRing::admit(const FoundCopies& found, bool may_accept_rollback) {
  const Copies copies(environment_.files, directory_);
  auto& state = *state_;
  const auto checked = state.anchoring.check(state.point(), {state.kek, state.record.kek.version});
  if (checked) {
    KEYHOLD_TRY(copies.repair(found));
    if (state.anchoring.is_behind()) KEYHOLD_TRY(raise_anchor());
  } else {
    if (!may_accept_rollback || !is_acceptable(checked.error())) return fail(checked.error());
    KEYHOLD_TRY(accept_rollback());
  }
  for (const CopyReport& report : found.reports) {
    if (report.state != CopyState::good) state.health.repaired_copies.push_back(report.name);
  }
  return copies.remove_leftovers();
}

// The next sequence lies above what the anchor remembers, so that the newer state that was given up
// does not count as newer when somebody puts it back.
Status KeyRing::accept_rollback() {
  const std::uint64_t remembered = state_->anchoring.remembered_sequence();
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  auto& events = change.next.rollbacks;
  if (events.size() == format::kMaxRollbackEvents) events.erase(events.begin());
  events.push_back({.at = to_seconds(environment_.clock.wall_now()),
                    .anchor_sequence = remembered,
                    .accepted_sequence = state_->record.sequence});
  change.next.sequence = std::max(change.next.sequence, remembered + 1);
  KEYHOLD_TRY(commit(std::move(change)));
  state_->health.rollback_accepted = true;
  return {};
}

Result<Inspection> KeyRing::inspect(io::FileSystem& files, const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(FoundCopies found, Copies(files, directory).load());
  return Inspection{.contents = to_contents(found.best.record), .copies = std::move(found.reports)};
}

}  // namespace keyhold::keyring
