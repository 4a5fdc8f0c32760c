// The keys of a table-like file.
#pragma once

#include <vector>

#include "crypto/aead.h"
#include "format/header.h"
#include "store/lazy_keys.h"

namespace keyhold::store {

// Thread-safe where LazyKeys is: the references are used within `with`.
class TableKeys final : public LazyKeys {
 public:
  TableKeys(KeySource& source, format::HeaderSlot slot) : LazyKeys(source), slot_(std::move(slot)) {
    join();
  }
  ~TableKeys() override { leave(); }

  [[nodiscard]] const crypto::AeadKey& chunk_key(std::uint64_t chunk) const;
  // Made for the occasion: a reader needs it for a table's last bytes only.
  [[nodiscard]] Result<crypto::AeadKey> final_key(ByteView salt) const;

  // From `first_chunk` on a fresh subkey. REQUIRES: no chunk from there on is sealed; not within
  // `with`; one thread.
  void add_switch(const format::SubkeySwitch& next);

 private:
  [[nodiscard]] Generation generation() const override { return slot_.generation; }
  Status load() override;
  void wipe() override;

  format::HeaderSlot slot_;
  crypto::Key256 secret_;
  std::vector<crypto::AeadKey> chunk_keys_;  // one more than the slot has switches
};

}  // namespace keyhold::store
