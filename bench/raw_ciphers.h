// AES-256-GCM by a library's own function, without a line of ours in between: what a back end's
// speed is measured against. The key is no secret.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include "base/bytes.h"

namespace keyhold::bench {

using Nonce = std::array<std::uint8_t, 12>;

// Encrypts `plaintext` to `ciphertext`, 16 bytes of tag behind it. One thread.
using RawSeal = std::function<void(const Nonce& nonce, ByteView plaintext, std::uint8_t* ciphertext,
                                   std::uint8_t* tag)>;

// EVP_CipherInit_ex2, Update and Final on one keyed context.
RawSeal raw_openssl();
// IMB_AES256_GCM_ENC on one expanded key. Empty where the library does not run on this CPU.
RawSeal raw_ipsec_mb();

// By the name of a back end of ours.
inline RawSeal raw_cipher(std::string_view backend) {
  return backend == "openssl" ? raw_openssl() : raw_ipsec_mb();
}

}  // namespace keyhold::bench
