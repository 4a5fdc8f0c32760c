#include <algorithm>
#include <memory>
#include <new>

#include <openssl/evp.h>

#include "crypto/aead.h"
#include "crypto/fatal.h"
#include "crypto/openssl_contexts.h"

namespace keyhold::crypto {
namespace {

// EVP counts bytes in an int.
constexpr std::size_t kLargestUpdateBytes = std::size_t{1} << 30;

OpensslContexts& contexts_in(ByteView state) {
  // The state is the mutable object that expand() placed there; the table's ByteView only says that
  // the key does not change.
  return *std::launder(reinterpret_cast<OpensslContexts*>(const_cast<std::uint8_t*>(state.data())));
}

Status expand(ByteView key, MutableByteView state) {
  static const EVP_CIPHER* const cipher = fetched_cipher("AES-256-GCM");
  auto* const contexts = new (state.data()) OpensslContexts(cipher, key);
  if (contexts->prepare()) return {};
  std::destroy_at(contexts);
  return fail(Code::internal, "OpenSSL makes no AES-256-GCM context");
}

void destroy(MutableByteView state) {
  std::destroy_at(&contexts_in(state));
}

void must(int result) {
  require(result == 1, "AES-256-GCM failed inside OpenSSL");
}

void start(EVP_CIPHER_CTX* context, const Nonce& nonce, ByteView aad, int encrypt) {
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), encrypt, nullptr));
  int written = 0;
  while (!aad.empty()) {
    const std::size_t size = std::min(aad.size(), kLargestUpdateBytes);
    must(EVP_CipherUpdate(context, nullptr, &written, aad.data(), static_cast<int>(size)));
    aad = aad.subspan(size);
  }
}

void transform(EVP_CIPHER_CTX* context, ByteView from, MutableByteView to) {
  int written = 0;
  while (!from.empty()) {
    const std::size_t size = std::min(from.size(), kLargestUpdateBytes);
    must(EVP_CipherUpdate(context, to.data(), &written, from.data(), static_cast<int>(size)));
    from = from.subspan(size);
    to = to.subspan(size);
  }
}

void seal(ByteView state, const Nonce& nonce, ByteView aad, ByteView plaintext,
          MutableByteView ciphertext, MutableByteView tag) {
  const OpensslContexts::Lease lease(contexts_in(state));
  start(lease.get(), nonce, aad, 1);
  transform(lease.get(), plaintext, ciphertext);
  std::uint8_t nothing = 0;
  int written = 0;
  must(EVP_CipherFinal_ex(lease.get(), &nothing, &written));
  must(EVP_CIPHER_CTX_ctrl(lease.get(), EVP_CTRL_AEAD_GET_TAG, kTagSizeBytes, tag.data()));
}

bool open(ByteView state, const Nonce& nonce, ByteView aad, ByteView ciphertext, ByteView tag,
          MutableByteView plaintext) {
  const OpensslContexts::Lease lease(contexts_in(state));
  start(lease.get(), nonce, aad, 0);
  transform(lease.get(), ciphertext, plaintext);
  must(EVP_CIPHER_CTX_ctrl(lease.get(), EVP_CTRL_AEAD_SET_TAG, kTagSizeBytes,
                           const_cast<std::uint8_t*>(tag.data())));
  std::uint8_t nothing = 0;
  int written = 0;
  if (EVP_CipherFinal_ex(lease.get(), &nothing, &written) == 1) return true;
  wipe(plaintext);
  return false;
}

}  // namespace

const AeadBackend& openssl_backend() {
  static constexpr AeadBackend kBackend = {
      .name = "openssl",
      .state_size_bytes = sizeof(OpensslContexts),
      .expand = expand,
      .seal = seal,
      .open = open,
      .destroy = destroy,
  };
  return kBackend;
}

}  // namespace keyhold::crypto
