// The keys in memory: deriving, counting, wiping. Nothing here waits for a KMS or for I/O.
#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "crypto/kdf.h"
#include "crypto/labels.h"
#include "keyring/keyring.h"
#include "keyring/state.h"
#include "keyring/times.h"

namespace keyhold::keyring {
namespace {

using ReadLock = std::shared_lock<std::shared_mutex>;

Result<const crypto::Key256*> find_dek(const RingState& state, Generation generation) {
  if (state.wiped) return fail(sealed_error());
  const auto found = state.deks.find(number(generation));
  if (found != state.deks.end()) return &found->second;
  const std::string name = "DEK generation " + std::to_string(number(generation));
  if (number(generation) != 0 && number(generation) < state.record.deks.front().generation) {
    return fail(Code::not_found, name +
                                     " was shredded: nobody can read any more what stood under "
                                     "it");
  }
  return fail(Code::not_found, "there is no " + name + " in this key ring: it was never made");
}

}  // namespace

Error sealed_error() {
  return {Code::sealed, "the key ring is sealed: its keys were wiped"};
}

void RingState::count_from_record() {
  for (const format::KeyringDek& dek : record.deks) {
    auto& count = sealed.try_emplace(dek.generation, 0).first->second;
    if (count.load() < dek.sealed_bytes) count.store(dek.sealed_bytes);
  }
}

StoreId KeyRing::store_id() const {
  const ReadLock lock(state_mutex_);
  return state_->record.identity.store;
}

Contents KeyRing::contents() const {
  const ReadLock lock(state_mutex_);
  Contents contents = to_contents(state_->record);
  for (GenerationInfo& info : contents.generations) {
    info.sealed_bytes = state_->sealed.at(number(info.generation)).load();
  }
  return contents;
}

Health KeyRing::health() const {
  const ReadLock lock(state_mutex_);
  return state_->health;
}

Result<Generation> KeyRing::current_generation() const {
  const ReadLock lock(state_mutex_);
  if (state_->wiped) return fail(sealed_error());
  return Generation{state_->record.deks.back().generation};
}

Result<crypto::Key256> KeyRing::derive(Generation generation, ByteView salt, ByteView info) const {
  const ReadLock lock(state_mutex_);
  KEYHOLD_TRY_ASSIGN(const crypto::Key256* dek, find_dek(*state_, generation));
  return crypto::hkdf_sha256(*dek, salt, info);
}

Result<crypto::Key256> KeyRing::export_dek(Generation generation, crypto::SecretAccess) const {
  const ReadLock lock(state_mutex_);
  KEYHOLD_TRY_ASSIGN(const crypto::Key256* dek, find_dek(*state_, generation));
  return dek->clone();
}

Result<KeyId> KeyRing::key_id(Generation generation) const {
  const ReadLock lock(state_mutex_);
  KEYHOLD_TRY(find_dek(*state_, generation));
  const auto& deks = state_->record.deks;
  const auto found = std::ranges::find(deks, number(generation), &format::KeyringDek::generation);
  if (found == deks.end()) return fail(Code::not_found, "the key ring does not name this DEK");
  return found->id;
}

Result<KekMac> KeyRing::audit_mac(ByteView message) const {
  const ReadLock lock(state_mutex_);
  if (state_->wiped) return fail(sealed_error());
  KEYHOLD_TRY_ASSIGN(const crypto::Mac mac, mac_under(state_->kek, state_->record.identity.store,
                                                      crypto::labels::kAuditMac, message));
  return KekMac{.mac = mac, .kek_version = state_->record.kek.version};
}

void KeyRing::note_sealed_bytes(Generation generation, std::uint64_t bytes) {
  const ReadLock lock(state_mutex_);
  const auto found = state_->sealed.find(number(generation));
  if (found != state_->sealed.end()) found->second.fetch_add(bytes, std::memory_order_relaxed);
}

bool KeyRing::rotation_due(WallTime now) const {
  const ReadLock lock(state_mutex_);
  const auto& rotation = state_->record.rotation;
  if (rotation.next_due != 0 && to_seconds(now) >= rotation.next_due) return true;
  const std::uint64_t sealed = state_->sealed.at(state_->record.deks.back().generation).load();
  return rotation.bytes != 0 && sealed >= rotation.bytes;
}

void KeyRing::wipe() {
  const std::unique_lock<std::shared_mutex> lock(state_mutex_);
  state_->wiped = true;
  ++wipes_;
  state_->kek.release();
  state_->deks.clear();
}

bool KeyRing::drain(Deadline deadline) {
  const std::unique_lock lock(change_mutex_, deadline.remaining(environment_.clock));
  return lock.owns_lock();
}

}  // namespace keyhold::keyring
