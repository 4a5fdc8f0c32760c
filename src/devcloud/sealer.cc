#include "devcloud/sealer.h"

#include "base/base64.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/labels.h"
#include "crypto/wrap.h"

namespace keyhold::devcloud {
namespace {

constexpr std::size_t kSaltSizeBytes = 32;
constexpr crypto::Nonce kZeroNonce{};

Result<crypto::AeadKey> message_key(const crypto::Key256& key, ByteView salt) {
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 derived,
                     crypto::hkdf_sha256(key, salt, as_bytes(crypto::labels::kDevcloudSeal)));
  return crypto::AeadKey::expand(derived);
}

Result<crypto::Key256> make_master(const Folder& folder, const std::string& path) {
  KEYHOLD_TRY_ASSIGN(auto key, crypto::Key256::generate(folder.machine().random));
  KEYHOLD_TRY(io::replace_file(folder.machine().files, path,
                               key.bytes(crypto::SecretAccess::grant()), 0600));
  return key;
}

}  // namespace

Result<ByteVector> seal(const crypto::Key256& key, ByteView plaintext, ByteView aad,
                        crypto::Random& random) {
  ByteVector sealed(kSealOverheadBytes + plaintext.size());
  const MutableByteView out(sealed);
  random.fill(out.first(kSaltSizeBytes));
  KEYHOLD_TRY_ASSIGN(const auto message, message_key(key, out.first(kSaltSizeBytes)));
  message.seal(kZeroNonce, aad, plaintext, out.subspan(kSaltSizeBytes, plaintext.size()),
               out.last(crypto::kTagSizeBytes));
  return sealed;
}

Result<ByteVector> unseal(const crypto::Key256& key, ByteView sealed, ByteView aad) {
  if (sealed.size() < kSealOverheadBytes) return fail(Code::integrity, "sealed bytes are cut");
  const std::size_t size = sealed.size() - kSealOverheadBytes;
  KEYHOLD_TRY_ASSIGN(const auto message, message_key(key, sealed.first(kSaltSizeBytes)));
  ByteVector plaintext(size);
  if (!message.open(kZeroNonce, aad, sealed.subspan(kSaltSizeBytes, size),
                    sealed.last(crypto::kTagSizeBytes), plaintext)) {
    return fail(Code::integrity, "not sealed under this key and context");
  }
  return plaintext;
}

Result<Sealer> Sealer::open(const Folder& folder) {
  const std::string path = folder.at("master.key");
  auto bytes = io::read_file(folder.machine().files, path, crypto::Key256::kSizeBytes);
  if (!bytes && bytes.error().code() == Code::not_found) {
    KEYHOLD_TRY_ASSIGN(auto made, make_master(folder, path));
    return Sealer(std::move(made), folder.machine().random);
  }
  if (!bytes) return fail(bytes.error());
  if (bytes->size() != crypto::Key256::kSizeBytes) {
    return fail(Code::integrity, path + " does not hold 32 bytes");
  }
  auto key = crypto::Key256::copy_of(*bytes, crypto::SecretAccess::grant());
  crypto::wipe(*bytes);
  if (!key) return fail(key.error());
  return Sealer(*std::move(key), folder.machine().random);
}

Result<crypto::Key256> Sealer::key_for(std::string_view purpose) const {
  return crypto::hkdf_sha256(
      master_, {}, as_bytes(std::string(crypto::labels::kDevcloudPurpose) + std::string(purpose)));
}

Result<ByteVector> Sealer::seal(std::string_view purpose, ByteView plaintext) const {
  KEYHOLD_TRY_ASSIGN(const auto key, key_for(purpose));
  return devcloud::seal(key, plaintext, as_bytes(purpose), *random_);
}

Result<ByteVector> Sealer::unseal(std::string_view purpose, ByteView sealed) const {
  KEYHOLD_TRY_ASSIGN(const auto key, key_for(purpose));
  return devcloud::unseal(key, sealed, as_bytes(purpose));
}

Result<std::string> Sealer::wrap(std::string_view purpose, const crypto::Key256& key) const {
  KEYHOLD_TRY_ASSIGN(const auto wrapping, key_for(purpose));
  KEYHOLD_TRY_ASSIGN(const auto wrapped,
                     crypto::wrap_key(wrapping, key, as_bytes(purpose), *random_));
  return to_base64(wrapped);
}

Result<crypto::Key256> Sealer::unwrap(std::string_view purpose, const std::string& base64) const {
  KEYHOLD_TRY_ASSIGN(const auto wrapping, key_for(purpose));
  KEYHOLD_TRY_ASSIGN(const auto wrapped, from_base64(base64));
  return crypto::unwrap_key(wrapping, wrapped, as_bytes(purpose));
}

ByteVector Sealer::derive(std::string_view purpose, std::string_view name) const {
  const auto key = key_for(purpose);
  if (!key) return ByteVector();
  const crypto::Mac mac = crypto::hmac_sha256(*key, as_bytes(name));
  return {mac.begin(), mac.end()};
}

}  // namespace keyhold::devcloud
