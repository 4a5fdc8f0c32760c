// Key derivation and MACs: HKDF-SHA-256 (RFC 5869), HMAC-SHA-256 (RFC 2104), and a PRF on 16-byte
// blocks.
#pragma once

#include <array>
#include <utility>

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

// The first 16 bytes of HMAC-SHA-256 over the empty message, under HKDF-SHA-256(key, no salt,
// "keyhold/1 check value"): tells a wrong key from tampered bytes, and says nothing of the key.
using CheckValue = std::array<std::uint8_t, 16>;
Result<CheckValue> check_value(const Key256& key);

// SHA-256 (FIPS 180-4).
Mac sha256(ByteView message);

// What runs a BlockPrf: a table of functions like AeadBackend's (block_prf.h), chosen beside it.
struct BlockPrfBackend;

// AES-256 as a pseudo-random function on 16-byte blocks (FIPS 197; ECB over distinct inputs): the
// keyed markers of log frames. Fast over many blocks at once. Move-only, thread-safe for const
// members. Key material lies as aead.h says of the two back ends.
class BlockPrf {
 public:
  static Result<BlockPrf> create(const Key256& key);
  // With a back end of the caller's choice (block_prf.h): for tests.
  static Result<BlockPrf> create_with(const BlockPrfBackend& backend, const Key256& key);

  BlockPrf() = default;
  BlockPrf(BlockPrf&& other) noexcept
      : backend_(std::exchange(other.backend_, nullptr)), state_(std::move(other.state_)) {}
  BlockPrf& operator=(BlockPrf&& other) noexcept;
  ~BlockPrf() { release(); }

  // REQUIRES: !empty(), input.size() == output.size(), a multiple of 16. `output` may be the
  // input's own memory, else they do not overlap.
  void evaluate(ByteView input, MutableByteView output) const;
  [[nodiscard]] bool empty() const { return state_.empty(); }
  // Wipes the key schedule.
  void release();

 private:
  const BlockPrfBackend* backend_ = nullptr;
  SecretBlock state_;
};

}  // namespace keyhold::crypto
