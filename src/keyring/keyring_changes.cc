// Changes of the content: each is built beside the state in force, written to both copies, and only
// then taken into use.
#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

#include "keyring/copies.h"
#include "keyring/keyring.h"
#include "keyring/lockboxes.h"
#include "keyring/state.h"
#include "keyring/times.h"

namespace keyhold::keyring {
namespace {

using WriteLock = std::unique_lock<std::shared_mutex>;
using ReadLock = std::shared_lock<std::shared_mutex>;

auto find_lockbox(auto& record, const kms::KeySpec& spec) {
  return std::ranges::find(record.lockboxes, to_record(spec), &format::KeyringLockbox::spec);
}

tl::unexpected<Error> no_lockbox(const kms::KeySpec& spec) {
  return fail(Code::not_found, "CMEK " + spec.uri.str() + " has no lockbox in this key ring");
}

void reschedule(format::KeyringRotation& rotation, std::uint64_t now) {
  if (rotation.age_seconds != 0) rotation.next_due = now + rotation.age_seconds;
}

std::uint64_t counted(const SealedBytes& sealed, const format::KeyringDek& dek) {
  return sealed.at(dek.generation).load();
}

// What a crash would lose of the counts.
std::uint64_t uncounted_bytes(const RingState& state) {
  std::uint64_t bytes = 0;
  for (const auto& dek : state.record.deks) bytes += counted(state.sealed, dek) - dek.sealed_bytes;
  return bytes;
}

}  // namespace

Result<RingChange> KeyRing::begin_change() {
  KEYHOLD_TRY(settle());
  const ReadLock lock(state_mutex_);
  if (state_->wiped) return fail(sealed_error());
  RingChange change;
  change.next = state_->record;
  change.next.sequence += 1;
  for (auto& dek : change.next.deks) dek.sealed_bytes = counted(state_->sealed, dek);
  KEYHOLD_TRY_ASSIGN(change.kek, state_->kek.clone());
  return change;
}

// A change that failed may have reached one copy. Both say again what is in force before the next
// is begun, so that no two contents ever follow the same one.
Status KeyRing::settle() {
  ByteVector file;
  {
    const ReadLock lock(state_mutex_);
    if (!state_->health.unsettled) return {};
    if (state_->wiped) return fail(sealed_error());
    KEYHOLD_TRY_ASSIGN(file, make_keyring_file(state_->record, state_->kek));
  }
  KEYHOLD_TRY(Copies(environment_.files, directory_).write(file));
  const WriteLock lock(state_mutex_);
  state_->health.unsettled = false;
  return {};
}

Status KeyRing::commit(RingChange change, bool keep_old) {
  KEYHOLD_TRY_ASSIGN(const ByteVector file, make_keyring_file(change.next, change.kek_of_next()));
  KEYHOLD_TRY_ASSIGN(const format::ParsedKeyring written, format::parse_keyring(file));
  if (!change.next_kek.empty()) {
    KEYHOLD_TRY(state_->anchoring.prepare_rotation(state_->point(),
                                                   {change.kek, state_->record.kek.version},
                                                   {change.next_kek, change.next.kek.version}));
  }
  change.kek.release();  // not held over I/O, which may hang
  {
    const WriteLock lock(state_mutex_);
    if (state_->wiped) return fail(sealed_error());
    state_->health.unsettled = true;
  }
  const Copies copies(environment_.files, directory_);
  KEYHOLD_TRY(keep_old ? copies.write_keeping_old(file) : copies.write(file));
  adopt(std::move(change), written.digest);
  return raise_anchor();
}

void KeyRing::adopt(RingChange change, const crypto::Mac& digest) {
  const WriteLock lock(state_mutex_);
  auto& state = *state_;
  state.record = std::move(change.next);
  state.digest = digest;
  state.health.unsettled = false;
  state.count_from_record();
  if (state.wiped) return;
  if (!change.next_kek.empty()) state.kek = std::move(change.next_kek);
  state.deks.merge(change.new_deks);
  std::erase_if(state.deks, [oldest = state.record.deks.front().generation](const auto& dek) {
    return dek.first < oldest;
  });
}

// The change is done whatever comes of this: both copies hold it.
Status KeyRing::raise_anchor() {
  crypto::Key256 kek;
  {
    const WriteLock lock(state_mutex_);
    state_->health.anchor_behind = state_->wiped && state_->anchoring.is_set();
    if (state_->wiped) return fail(sealed_error());
    KEYHOLD_TRY_ASSIGN(kek, state_->kek.clone());
  }
  const auto raised =
      state_->anchoring.raise(state_->point(), std::move(kek), state_->record.kek.version);
  const WriteLock lock(state_mutex_);
  state_->health.anchor_behind = !raised;
  if (raised) return {};
  return fail(raised.error().within(
      "the key ring was changed, but its anchor could not be raised and does not protect the "
      "change yet"));
}

Status KeyRing::flush() {
  const std::scoped_lock lock(change_mutex_);
  return flush_now();
}

Status KeyRing::flush_now() {
  if (uncounted_bytes(*state_) > 0) {
    KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
    return commit(std::move(change));
  }
  KEYHOLD_TRY(settle());
  return state_->health.anchor_behind ? raise_anchor() : Status{};
}

Result<Generation> KeyRing::rotate_dek() {
  const std::scoped_lock lock(change_mutex_);
  return rotate_dek_now();
}

Result<Generation> KeyRing::rotate_dek_now() {
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  const std::uint64_t now = to_seconds(environment_.clock.wall_now());
  KEYHOLD_TRY_ASSIGN(crypto::Key256 dek,
                     append_dek(change.next, change.kek, now, environment_.random));
  reschedule(change.next.rotation, now);
  const std::uint32_t generation = change.next.deks.back().generation;
  change.new_deks.emplace(generation, std::move(dek));
  KEYHOLD_TRY(commit(std::move(change)));
  return Generation{generation};
}

Result<bool> KeyRing::rotate_if_due() {
  const std::scoped_lock lock(change_mutex_);
  if (rotation_due(environment_.clock.wall_now())) {
    KEYHOLD_TRY(rotate_dek_now());
    return true;
  }
  const std::uint64_t limit = state_->record.rotation.bytes;
  const bool worth_a_write =
      limit != 0 && uncounted_bytes(*state_) >= std::max<std::uint64_t>(limit / 16, 1);
  if (worth_a_write || state_->health.anchor_behind) KEYHOLD_TRY(flush_now());
  return false;
}

Status KeyRing::rotate_kek(const ClientFactory& clients, Deadline deadline) {
  const std::scoped_lock lock(change_mutex_);
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  KEYHOLD_TRY(renew_kek(change, clients, deadline));
  return commit(std::move(change));
}

Status KeyRing::renew_kek(RingChange& change, const ClientFactory& clients, Deadline deadline) {
  const WallTime now = environment_.clock.wall_now();
  KEYHOLD_TRY_ASSIGN(MadeKek kek, make_kek(change.next.kek.id, change.next.kek.version + 1,
                                           to_seconds(now), environment_.random));
  change.next.kek = kek.record;
  change.next_kek = std::move(kek.key);
  for (auto& lockbox : change.next.lockboxes) {
    const kms::KeySpec spec = to_key_spec(lockbox.spec);
    const auto client = clients(spec, caller_of(change.next));
    if (!client) return fail(client.error().to_error().within("CMEK " + spec.uri.str()));
    KEYHOLD_TRY_ASSIGN(lockbox,
                       make_lockbox(**client, change.next_kek, change.next, now, deadline));
  }
  const ReadLock lock(state_mutex_);
  if (state_->wiped) return fail(sealed_error());
  return rewrap_deks(change.next, state_->deks, change.next_kek, environment_.random);
}

Status KeyRing::shred_before(Generation oldest_kept, const ClientFactory& clients,
                             Deadline deadline) {
  const std::scoped_lock lock(change_mutex_);
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  auto& deks = change.next.deks;
  if (number(oldest_kept) > deks.back().generation) {
    return fail(Code::invalid_argument, "the current DEK generation is " +
                                            std::to_string(deks.back().generation) +
                                            ": it is never shredded");
  }
  const auto shredded =
      std::erase_if(deks, [&](const auto& dek) { return dek.generation < number(oldest_kept); });
  if (shredded > 0) {
    KEYHOLD_TRY(renew_kek(change, clients, deadline));
    KEYHOLD_TRY(commit(std::move(change), true));
  }
  const Status overwritten = Copies(environment_.files, directory_).remove_leftovers();
  if (overwritten) return {};
  return fail(overwritten.error().within(
      "the old DEKs are out of the key ring, but its former files are not overwritten yet; shred "
      "again"));
}

Status KeyRing::rewrap(kms::Client& client, Deadline deadline) {
  const std::scoped_lock lock(change_mutex_);
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  const auto lockbox = find_lockbox(change.next, client.spec());
  if (lockbox == change.next.lockboxes.end()) return no_lockbox(client.spec());
  KEYHOLD_TRY_ASSIGN(*lockbox, make_lockbox(client, change.kek, change.next,
                                            environment_.clock.wall_now(), deadline));
  return commit(std::move(change));
}

Result<bool> KeyRing::rewrap_due(kms::Client& client, Deadline deadline) const {
  const auto description = client.describe(deadline);
  if (!description) {
    return fail(description.error().to_error().within("CMEK " + client.spec().uri.str()));
  }
  const ReadLock lock(state_mutex_);
  const auto lockbox = find_lockbox(state_->record, client.spec());
  if (lockbox == state_->record.lockboxes.end()) return no_lockbox(client.spec());
  return lockbox->kms_key_version != description->primary_version.str();
}

Status KeyRing::add_lockbox_now(kms::Client& client, Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  if (change.next.lockboxes.size() == format::kMaxLockboxes) {
    return fail(Code::invalid_argument, "a key ring has at most 8 lockboxes; remove one first");
  }
  KEYHOLD_TRY_ASSIGN(auto lockbox, make_lockbox(client, change.kek, change.next,
                                                environment_.clock.wall_now(), deadline));
  change.next.lockboxes.push_back(std::move(lockbox));
  return commit(std::move(change));
}

bool KeyRing::has_lockbox(const kms::KeySpec& spec) const {
  return find_lockbox(state_->record, spec) != state_->record.lockboxes.end();
}

Status KeyRing::add_lockbox(kms::Client& client, Deadline deadline) {
  const std::scoped_lock lock(change_mutex_);
  if (has_lockbox(client.spec())) {
    return fail(Code::already_exists,
                "CMEK " + client.spec().uri.str() + " has a lockbox already; rewrap makes it anew");
  }
  return add_lockbox_now(client, deadline);
}

Status KeyRing::remove_lockbox(const kms::KeySpec& spec) {
  const std::scoped_lock lock(change_mutex_);
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  const auto lockbox = find_lockbox(change.next, spec);
  if (lockbox == change.next.lockboxes.end()) return no_lockbox(spec);
  if (change.next.lockboxes.size() == 1) {
    return fail(Code::invalid_argument,
                "this is the last lockbox: without it nobody could open the store; rewrap to "
                "another CMEK instead");
  }
  change.next.lockboxes.erase(lockbox);
  return commit(std::move(change));
}

Status KeyRing::pin_policy(const PolicyPin& pin) {
  const std::scoped_lock lock(change_mutex_);
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  const std::uint64_t present = change.next.policy ? change.next.policy->version : 0;
  if (pin.version <= present) {
    return fail(Code::invalid_argument,
                "the policy of this store is at version " + std::to_string(present) + " already");
  }
  change.next.policy = format::KeyringPolicy{.version = pin.version, .digest = pin.digest};
  return commit(std::move(change));
}

Status KeyRing::rewrap_to(kms::Client& client, Deadline deadline) {
  const std::scoped_lock lock(change_mutex_);
  if (!has_lockbox(client.spec())) KEYHOLD_TRY(add_lockbox_now(client, deadline));
  KEYHOLD_TRY_ASSIGN(RingChange change, begin_change());
  // Proven anew: the lockbox may be what an interrupted run left.
  format::KeyringLockbox kept = *find_lockbox(change.next, client.spec());
  KEYHOLD_TRY(open_lockbox(client, kept, change.next, deadline));
  if (change.next.lockboxes.size() == 1) return {};
  change.next.lockboxes = {std::move(kept)};
  return commit(std::move(change));
}

}  // namespace keyhold::keyring
