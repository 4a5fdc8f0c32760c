// AES-256-GCM (NIST SP 800-38D): key 32 bytes, nonce 12 bytes, tag 16 bytes, any AAD.
//
// Two back ends behind one table of functions, chosen once at the first use: libipsec-mb where the
// CPU has AVX-512 with VAES and VPCLMULQDQ (there it is the faster), OpenSSL elsewhere.
// KEYHOLD_AEAD=openssl|ipsec-mb in the environment chooses by hand; with any other value, or a
// choice that this CPU cannot run, every AeadKey::expand fails with Code::invalid_argument: inside
// a database process a mistyped setting neither ends the process nor picks another cipher silently.
// The caller guarantees that a (key, nonce) pair is used for one message only.
//
// Where key material lies: ipsec-mb's round keys and GHASH tables in the SecretBlock, locked.
// OpenSSL 3.0 keeps its cipher contexts, key schedule included, on its own heap: not locked and in
// core files; they are cleansed when the key is released.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"

namespace keyhold::crypto {

inline constexpr std::size_t kNonceSizeBytes = 12;
inline constexpr std::size_t kTagSizeBytes = 16;

using Nonce = std::array<std::uint8_t, kNonceSizeBytes>;

// One back end. Thread-safe: one state may seal and open on many threads at once. `state` is the
// expanded key (round keys, GHASH tables), state_size_bytes of secret memory, 64-byte aligned.
struct AeadBackend {
  std::string_view name;
  std::size_t state_size_bytes;
  Status (*expand)(ByteView key, MutableByteView state);
  // ciphertext.size() == plaintext.size(), tag.size() == 16; ciphertext may be the plaintext's own
  // memory, nothing else overlaps.
  void (*seal)(ByteView state, const Nonce& nonce, ByteView aad, ByteView plaintext,
               MutableByteView ciphertext, MutableByteView tag);
  // False, and `plaintext` zeroed, where the tag does not match.
  bool (*open)(ByteView state, const Nonce& nonce, ByteView aad, ByteView ciphertext, ByteView tag,
               MutableByteView plaintext);
  // Frees what the state points to outside itself; the memory is wiped by its owner.
  void (*destroy)(MutableByteView state);
};

const AeadBackend& openssl_backend();
// Null where this CPU or library cannot.
const AeadBackend* ipsec_mb_backend();

// Code::invalid_argument where the environment chooses a back end that there is not: what every
// AeadKey::expand would say. Ask before work that takes a failure for somebody else's.
Status check_aead_choice();
// The one in force.
const AeadBackend& aead_backend();
// Replaces it for keys expanded from now on; returns the one before. For tests (a recording back
// end) and benchmarks.
const AeadBackend& set_aead_backend(const AeadBackend& backend);

// An expanded AES-256-GCM key. Thread-safe for const members; move-only.
class AeadKey {
 public:
  static Result<AeadKey> expand(const Key256& key);

  AeadKey() = default;
  AeadKey(AeadKey&& other) noexcept;
  AeadKey& operator=(AeadKey&& other) noexcept;
  ~AeadKey() { release(); }

  // REQUIRES: !empty(), ciphertext.size() == plaintext.size(), tag.size() == 16.
  void seal(const Nonce& nonce, ByteView aad, ByteView plaintext, MutableByteView ciphertext,
            MutableByteView tag) const;
  // False where the bytes are not what was sealed under this key, nonce and AAD; `plaintext` is
  // zeroed then.
  [[nodiscard]] bool open(const Nonce& nonce, ByteView aad, ByteView ciphertext, ByteView tag,
                          MutableByteView plaintext) const;

  [[nodiscard]] bool empty() const { return state_.empty(); }
  // Wipes key schedule and tables.
  void release();

 private:
  const AeadBackend* backend_ = nullptr;
  SecretBlock state_;
};

}  // namespace keyhold::crypto
