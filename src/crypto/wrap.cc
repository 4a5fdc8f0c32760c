#include "crypto/wrap.h"

#include <string>

#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/labels.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kSaltSizeBytes = 32;
constexpr std::size_t kKeyOffset = kSaltSizeBytes;
constexpr std::size_t kTagOffset = kKeyOffset + Key256::kSizeBytes;
static_assert(kTagOffset + kTagSizeBytes == kWrappedKeySizeBytes);

// The salt makes the key fresh for each wrap, so the nonce may be fixed.
constexpr Nonce kZeroNonce{};

Result<AeadKey> wrap_aead(const Key256& wrapping_key, ByteView salt) {
  KEYHOLD_TRY_ASSIGN(const Key256 key, hkdf_sha256(wrapping_key, salt, as_bytes(labels::kWrap)));
  return AeadKey::expand(key);
}

}  // namespace

Result<ByteVector> wrap_key(const Key256& wrapping_key, const Key256& key, ByteView context,
                            Random& random) {
  ByteVector wrapped(kWrappedKeySizeBytes);
  const MutableByteView out = wrapped;
  random.fill(out.first(kSaltSizeBytes));
  KEYHOLD_TRY_ASSIGN(const AeadKey aead, wrap_aead(wrapping_key, out.first(kSaltSizeBytes)));
  aead.seal(kZeroNonce, context, key.bytes(SecretAccess::grant()),
            out.subspan(kKeyOffset, Key256::kSizeBytes), out.subspan(kTagOffset));
  return wrapped;
}

Result<Key256> unwrap_key(const Key256& wrapping_key, ByteView wrapped, ByteView context) {
  if (wrapped.size() != kWrappedKeySizeBytes) {
    return fail(Code::integrity,
                "a wrapped key is 80 bytes, not " + std::to_string(wrapped.size()));
  }
  KEYHOLD_TRY_ASSIGN(const AeadKey aead, wrap_aead(wrapping_key, wrapped.first(kSaltSizeBytes)));
  KEYHOLD_TRY_ASSIGN(Key256 key, Key256::allocate());
  if (!aead.open(kZeroNonce, context, wrapped.subspan(kKeyOffset, Key256::kSizeBytes),
                 wrapped.subspan(kTagOffset), key.bytes(SecretAccess::grant()))) {
    return fail(Code::integrity, "a wrapped key does not open under this key and context");
  }
  return key;
}

}  // namespace keyhold::crypto
