// The seam between the store and whoever owns its keys: file keys in, an epoch, and a seal. The
// store knows no KMS and no network.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "store/seal_guard.h"

namespace keyhold::store {

// Gives file keys while the lease lasts. Thread-safe.
class KeySource {
 public:
  virtual ~KeySource() = default;

  [[nodiscard]] virtual StoreId store_id() const = 0;
  // The DEK generation that new files use. Never waits for a KMS.
  [[nodiscard]] virtual Result<Generation> current_generation() = 0;
  // Makes a generation's DEK ready for derive(). May ask the host over its socket, so it is called
  // outside the guard; never waits for a KMS. Code::sealed after a seal; Code::not_found where the
  // generation was shredded or never was.
  [[nodiscard]] virtual Status prepare(Generation generation) = 0;
  // HKDF-SHA-256(DEK of `generation`, salt, info). REQUIRES: the caller is in a SealGuard::Use of
  // guard() whose check() passed; so it never blocks and never takes the guard. Code::not_found
  // where the generation is not prepared.
  [[nodiscard]] virtual Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                                      ByteView info) = 0;
  // Bytes sealed under a generation, for rotation by volume. Cheap.
  virtual void add_sealed_bytes(Generation generation, std::uint64_t bytes) = 0;
  // Covers every use of a key that came from here.
  [[nodiscard]] virtual SealGuard& guard() = 0;
};

}  // namespace keyhold::store
