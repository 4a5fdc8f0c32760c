// Key derivation and MACs: HKDF-SHA-256 (RFC 5869), HMAC-SHA-256 (RFC 2104), and a PRF on 16-byte
// blocks.
#pragma once

#include <array>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"

namespace keyhold::crypto {

inline constexpr std::size_t kMacSizeBytes = 32;
using Mac = std::array<std::uint8_t, kMacSizeBytes>;

// HKDF extract and expand to 32 bytes. `info` must begin with a label that no other use of
// `input_key` has (labels.h).
Result<Key256> hkdf_sha256(const Key256& input_key, ByteView salt, ByteView info);

Mac hmac_sha256(const Key256& key, ByteView message);

// The first 16 bytes of HMAC-SHA-256 under HKDF(key, "keyhold check value"): tells a wrong key from
// tampered bytes, and says nothing of the key.
using CheckValue = std::array<std::uint8_t, 16>;
Result<CheckValue> check_value(const Key256& key);

// SHA-256 (FIPS 180-4).
Mac sha256(ByteView message);

// AES-256 as a pseudo-random function on 16-byte blocks (ECB over distinct inputs): the keyed
// markers of log frames. Move-only, thread-safe for const members.
class BlockPrf {
 public:
  static Result<BlockPrf> create(const Key256& key);

  // REQUIRES: input.size() == output.size(), a multiple of 16.
  void evaluate(ByteView input, MutableByteView output) const;
  [[nodiscard]] bool empty() const { return state_.empty(); }
  void release() { state_.release(); }

 private:
  explicit BlockPrf(SecretBlock state) : state_(std::move(state)) {}
  SecretBlock state_;

 public:
  BlockPrf() = default;
};

}  // namespace keyhold::crypto
