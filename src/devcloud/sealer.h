// The cloud's own secret: what seals key material at rest and the tokens that it gives out.
//
// One master key (DIR/master.key), from which a key per purpose is derived (HKDF-SHA-256). Sealing
// is AES-256-GCM under HKDF(purpose's key, a fresh 32-byte salt) with the all-zero nonce: each
// message has a key of its own, so no nonce is ever repeated.
//
//   offset size
//   0      32   salt
//   32     n    the sealed bytes
//   32+n   16   tag
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "devcloud/folder.h"

namespace keyhold::devcloud {

inline constexpr std::size_t kSealOverheadBytes = 48;

// Seals under any 256-bit key; also how the cloud's KMSs encrypt.
Result<ByteVector> seal(const crypto::Key256& key, ByteView plaintext, ByteView aad,
                        crypto::Random& random);
// Code::integrity where key, AAD or bytes are not those of the seal.
Result<ByteVector> unseal(const crypto::Key256& key, ByteView sealed, ByteView aad);

// Thread-safe.
class Sealer {
 public:
  // Makes the master key where there is none.
  static Result<Sealer> open(const Folder& folder);

  [[nodiscard]] Result<ByteVector> seal(std::string_view purpose, ByteView plaintext) const;
  [[nodiscard]] Result<ByteVector> unseal(std::string_view purpose, ByteView sealed) const;

  // A key of a KMS, fresh or as it lies in the state: always wrapped.
  [[nodiscard]] Result<std::string> wrap(std::string_view purpose, const crypto::Key256& key) const;
  [[nodiscard]] Result<crypto::Key256> unwrap(std::string_view purpose,
                                              const std::string& base64) const;

  // 32 bytes that only this cloud can tell from a name: secrets that need not be stored.
  [[nodiscard]] ByteVector derive(std::string_view purpose, std::string_view name) const;

 private:
  Sealer(crypto::Key256 master, crypto::Random& random)
      : master_(std::move(master)), random_(&random) {}
  [[nodiscard]] Result<crypto::Key256> key_for(std::string_view purpose) const;

  crypto::Key256 master_;
  crypto::Random* random_;
};

}  // namespace keyhold::devcloud
