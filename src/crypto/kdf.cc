#include "crypto/kdf.h"

#include <algorithm>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/fatal.h"
#include "crypto/hmac.h"
#include "crypto/labels.h"
#include "crypto/wiped.h"

namespace keyhold::crypto {
namespace {

void must(bool done) {
  require(done, "SHA-256 failed inside OpenSSL");
}

const EVP_MD* sha256_digest() {
  static const EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return digest;
}

struct FreeContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeContext>;

// HMAC-SHA-256 without a key: duplicated for each use, because naming the digest makes OpenSSL
// fetch it, which costs more than the MAC of a short message.
const EVP_MAC_CTX* keyless_hmac() {
  static const EVP_MAC_CTX* const context = [] {
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* const made = EVP_MAC_CTX_new(mac);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    must(made != nullptr && EVP_MAC_CTX_set_params(made, parameters) == 1);
    return made;
  }();
  return context;
}

// OpenSSL copies the key into blocks of its heap for as long as this lives, and cleanses them.
class Hmac {
 public:
  explicit Hmac(ByteView key) : context_(EVP_MAC_CTX_dup(keyless_hmac())) {
    // A null key would mean "the key of last time" to OpenSSL.
    static constexpr std::uint8_t kNothing = 0;
    const std::uint8_t* const data = key.empty() ? &kNothing : key.data();
    must(context_ != nullptr && EVP_MAC_init(context_.get(), data, key.size(), nullptr) == 1);
  }
  Hmac& update(ByteView bytes) {
    must(EVP_MAC_update(context_.get(), bytes.data(), bytes.size()) == 1);
    return *this;
  }
  void finish(MutableByteView mac) {
    std::size_t written = 0;
    must(EVP_MAC_final(context_.get(), mac.data(), &written, mac.size()) == 1 &&
         written == kMacSizeBytes);
  }

 private:
  MacContext context_;
};

// What a forked child finds in its parent's keys; no key is.
Status check_not_wiped(const Key256& key) {
  if (!is_wiped(key.bytes(SecretAccess::grant()))) return {};
  return fail(Code::sealed, "the key was wiped: this process was forked from its owner");
}

}  // namespace

Mac hmac_sha256_of(ByteView key, ByteView message) {
  Mac mac;
  Hmac(key).update(message).finish(mac);
  return mac;
}

void hkdf_sha256_of(ByteView input_key, ByteView salt, ByteView info, MutableByteView output) {
  require(output.size() <= 255 * kMacSizeBytes, "HKDF gives at most 255 blocks");
  constexpr Mac kNoSalt{};
  Mac extracted = hmac_sha256_of(salt.empty() ? ByteView(kNoSalt) : salt, input_key);
  Mac block;
  for (std::uint8_t counter = 1; !output.empty(); ++counter) {
    Hmac expansion(extracted);
    if (counter > 1) expansion.update(block);
    expansion.update(info).update({&counter, 1}).finish(block);
    const std::size_t size = std::min(output.size(), block.size());
    copy_bytes(ByteView(block).first(size), output);
    output = output.subspan(size);
  }
  wipe(extracted);
  wipe(block);
}

Result<Key256> hkdf_sha256(const Key256& input_key, ByteView salt, ByteView info) {
  require(!input_key.empty(), "a key derived from an empty key");
  KEYHOLD_TRY(check_not_wiped(input_key));
  KEYHOLD_TRY_ASSIGN(Key256 derived, Key256::allocate());
  hkdf_sha256_of(input_key.bytes(SecretAccess::grant()), salt, info,
                 derived.bytes(SecretAccess::grant()));
  return derived;
}

Mac hmac_sha256(const Key256& key, ByteView message) {
  require(!key.empty() && check_not_wiped(key), "a MAC under an empty or wiped key");
  return hmac_sha256_of(key.bytes(SecretAccess::grant()), message);
}

Result<CheckValue> check_value(const Key256& key) {
  KEYHOLD_TRY_ASSIGN(const Key256 check_key, hkdf_sha256(key, {}, as_bytes(labels::kCheckValue)));
  const Mac mac = hmac_sha256(check_key, {});
  CheckValue value{};
  std::copy_n(mac.begin(), value.size(), value.begin());
  return value;
}

Mac sha256(ByteView message) {
  Mac digest;
  unsigned written = 0;
  must(EVP_Digest(message.data(), message.size(), digest.data(), &written, sha256_digest(),
                  nullptr) == 1);
  return digest;
}

}  // namespace keyhold::crypto
