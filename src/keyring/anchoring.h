// What a key ring says to its anchor, and makes of what the anchor remembers.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/ids.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "format/keyring_anchor.h"
#include "keyring/anchor.h"

namespace keyhold::keyring {

// One state of one store's key ring.
struct RingPoint {
  StoreId store;
  std::uint64_t sequence = 0;
  crypto::Mac digest{};  // the checksum of its file
};

struct KekView {
  const crypto::Key256& key;
  std::uint32_t version;
};

// Without an anchor every call succeeds and does nothing. Not thread-safe.
class Anchoring {
 public:
  explicit Anchoring(std::shared_ptr<Anchor> anchor) : anchor_(std::move(anchor)) {}

  [[nodiscard]] bool is_set() const { return anchor_ != nullptr; }

  // Takes the anchor for a store that is being made. Code::already_exists where it is that of
  // another that was made.
  Status reserve(const StoreId& store, const KekView& kek);

  // Code::rollback where the anchor remembers something newer or else, or is not there; integrity
  // where it is damaged or tampered; wrong_key where it belongs to another store.
  Status check(const RingPoint& found, const KekView& kek);
  // After check(): the anchor remembers less than what was found.
  [[nodiscard]] bool is_behind() const { return behind_; }
  // After check(), even one that failed: 0 where the anchor could not be read.
  [[nodiscard]] std::uint64_t remembered_sequence() const { return remembered_; }

  // REQUIRES: both copies hold this state.
  // Holds the KEK while it signs, not while the anchor is written.
  Status raise(const RingPoint& point, crypto::Key256 kek, std::uint32_t version);
  // Before the KEK is replaced: the same point, for either KEK to check.
  Status prepare_rotation(const RingPoint& point, const KekView& kek, const KekView& next);

 private:
  Status store(const format::AnchorRecord& record);
  Result<format::AnchorRecord> load();

  std::shared_ptr<Anchor> anchor_;
  bool behind_ = false;
  std::uint64_t remembered_ = 0;
};

}  // namespace keyhold::keyring
