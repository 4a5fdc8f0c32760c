#include <array>

#include "crypto/aead.h"
#include "crypto/ipsec_mb.h"

namespace keyhold::crypto {
namespace {

const gcm_key_data* key_in(ByteView state) {
  return reinterpret_cast<const gcm_key_data*>(state.data());
}

// The library's running state, which holds key stream of the last block: wiped after each message.
class Context {
 public:
  Context() = default;
  ~Context() { wipe({reinterpret_cast<std::uint8_t*>(&data_), sizeof(data_)}); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  gcm_context_data* get() { return &data_; }

 private:
  gcm_context_data data_;  // left uninitialised: the library sets it at the start of a message
};

Status expand(ByteView key, MutableByteView state) {
  IMB_AES256_GCM_PRE(ipsec_mb_manager(), key.data(), reinterpret_cast<gcm_key_data*>(state.data()));
  return {};
}

void seal(ByteView state, const Nonce& nonce, ByteView aad, ByteView plaintext,
          MutableByteView ciphertext, MutableByteView tag) {
  Context context;
  IMB_AES256_GCM_ENC(ipsec_mb_manager(), key_in(state), context.get(), ciphertext.data(),
                     plaintext.data(), plaintext.size(), nonce.data(), aad.data(), aad.size(),
                     tag.data(), kTagSizeBytes);
}

bool open(ByteView state, const Nonce& nonce, ByteView aad, ByteView ciphertext, ByteView tag,
          MutableByteView plaintext) {
  Context context;
  std::array<std::uint8_t, kTagSizeBytes> expected{};
  IMB_AES256_GCM_DEC(ipsec_mb_manager(), key_in(state), context.get(), plaintext.data(),
                     ciphertext.data(), ciphertext.size(), nonce.data(), aad.data(), aad.size(),
                     expected.data(), kTagSizeBytes);
  const bool genuine = equal_constant_time(expected, tag);
  // A tag of forged bytes is what a forger is after.
  wipe(expected);
  if (!genuine) wipe(plaintext);
  return genuine;
}

// The state is plain memory, wiped by its owner.
void destroy(MutableByteView) {}

}  // namespace

const AeadBackend* ipsec_mb_backend() {
  static constexpr AeadBackend kBackend = {
      .name = "ipsec-mb",
      .state_size_bytes = sizeof(gcm_key_data),
      .expand = expand,
      .seal = seal,
      .open = open,
      .destroy = destroy,
  };
  return ipsec_mb_manager() == nullptr ? nullptr : &kBackend;
}

}  // namespace keyhold::crypto
