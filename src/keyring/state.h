// What a KeyRing holds. Only keyring*.cc use it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "crypto/secret.h"
#include "format/keyring.h"
#include "keyring/anchoring.h"
#include "keyring/hierarchy.h"
#include "keyring/keyring.h"

namespace keyhold::keyring {

// Bytes sealed by generation, those not yet on disk included.
using SealedBytes = std::map<std::uint32_t, std::atomic<std::uint64_t>>;

// record, digest, kek, deks, sealed, health: written under state_mutex_ by the one change in flight
// (and by wipe()). anchoring: under change_mutex_ alone.
struct RingState {
  explicit RingState(std::shared_ptr<Anchor> anchor) : anchoring(std::move(anchor)) {}

  format::KeyringRecord record;  // as on disk in both copies
  crypto::Mac digest{};
  crypto::Key256 kek;
  Deks deks;
  SealedBytes sealed;
  bool wiped = false;
  Health health;
  Anchoring anchoring;

  // Follows the record's generations; counts never fall.
  void count_from_record();
  [[nodiscard]] RingPoint point() const {
    return {.store = record.identity.store, .sequence = record.sequence, .digest = digest};
  }
};

// A new content on its way to disk, with copies of the keys that it needs: wiped with it.
struct RingChange {
  format::KeyringRecord next;
  crypto::Key256 kek;       // the one in force
  crypto::Key256 next_kek;  // its successor; empty where it stays
  Deks new_deks;

  [[nodiscard]] const crypto::Key256& kek_of_next() const {
    return next_kek.empty() ? kek : next_kek;
  }
};

Contents to_contents(const format::KeyringRecord& record);
Error sealed_error();

}  // namespace keyhold::keyring
