#include "raw_ciphers.h"

#include <cstdlib>
#include <memory>

#include <intel-ipsec-mb.h>
#include <openssl/evp.h>

namespace keyhold::bench {
namespace {

constexpr std::array<std::uint8_t, 32> kKey = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr int kTagSizeBytes = 16;

void must(int result) {
  if (result != 1) std::abort();
}

}  // namespace

RawSeal raw_openssl() {
  const std::shared_ptr<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  must(EVP_CipherInit_ex2(context.get(), cipher, kKey.data(), nullptr, 1, nullptr));
  EVP_CIPHER_free(cipher);  // the context has its own reference
  return [context](const Nonce& nonce, ByteView plaintext, std::uint8_t* ciphertext,
                   std::uint8_t* tag) {
    int written = 0;
    std::uint8_t nothing = 0;
    must(EVP_CipherInit_ex2(context.get(), nullptr, nullptr, nonce.data(), 1, nullptr));
    must(EVP_CipherUpdate(context.get(), ciphertext, &written, plaintext.data(),
                          static_cast<int>(plaintext.size())));
    must(EVP_CipherFinal_ex(context.get(), &nothing, &written));
    must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSizeBytes, tag));
  };
}

RawSeal raw_ipsec_mb() {
  const std::shared_ptr<IMB_MGR> manager(::alloc_mb_mgr(0), ::free_mb_mgr);
  if (!manager) return {};
  ::init_mb_mgr_auto(manager.get(), nullptr);
  if (::imb_get_errno(manager.get()) != 0) return {};
  const auto key = std::make_shared<gcm_key_data>();
  IMB_AES256_GCM_PRE(manager.get(), kKey.data(), key.get());
  return [manager, key](const Nonce& nonce, ByteView plaintext, std::uint8_t* ciphertext,
                        std::uint8_t* tag) {
    gcm_context_data context;  // the library sets it at the start of a message
    IMB_AES256_GCM_ENC(manager.get(), key.get(), &context, ciphertext, plaintext.data(),
                       plaintext.size(), nonce.data(), nullptr, 0, tag, kTagSizeBytes);
  };
}

}  // namespace keyhold::bench
