// RSA-OAEP with SHA-256 and MGF1-SHA-256, no label (RFC 8017, section 7.1): how a 256-bit key
// travels into a KMS that takes imported material. The receiving side.
//
// The private key lives in OpenSSL's heap (cleansed when freed, not locked): for short-lived
// transport keys. Thread-safe for const members; move-only.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"

namespace keyhold::crypto {

class RsaKey {
 public:
  // 2048, 3072 or 4096 bits; else Code::invalid_argument. Takes a second or so.
  static Result<RsaKey> generate(int bits);
  // PKCS#8; Code::invalid_argument where it is none of an RSA key.
  static Result<RsaKey> from_der(ByteView private_der);

  RsaKey(RsaKey&&) noexcept;
  RsaKey& operator=(RsaKey&&) noexcept;
  ~RsaKey();

  [[nodiscard]] ByteVector public_der() const;   // SubjectPublicKeyInfo
  [[nodiscard]] ByteVector private_der() const;  // PKCS#8, in the clear

  // Code::integrity where it was not encrypted to this key; Code::invalid_argument where what was
  // is no 32 bytes.
  [[nodiscard]] Result<Key256> decrypt_oaep_sha256(ByteView ciphertext) const;

 private:
  struct Held;
  explicit RsaKey(std::unique_ptr<Held> held);
  std::unique_ptr<Held> held_;
};

}  // namespace keyhold::crypto
