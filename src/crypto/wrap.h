// Wrapping a 256-bit key under another with context: a fresh 32-byte salt, AES-256-GCM under
// HKDF(wrapping key, salt, label) with the all-zero nonce, the context as AAD. Each wrap has a key
// of its own, so no nonce is ever repeated.
//
//   offset size
//   0      32   salt
//   32     32   the wrapped key
//   64     16   tag
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"
#include "crypto/secret.h"

namespace keyhold::crypto {

inline constexpr std::size_t kWrappedKeySizeBytes = 80;

Result<ByteVector> wrap_key(const Key256& wrapping_key, const Key256& key, ByteView context,
                            Random& random);

// Code::integrity where key, context or bytes are not those of the wrap.
Result<Key256> unwrap_key(const Key256& wrapping_key, ByteView wrapped, ByteView context);

}  // namespace keyhold::crypto
