// What the OpenSSL back ends share: a context of OpenSSL serves one thread at a time, so each
// expanded key has a few.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include <openssl/evp.h>

#include "base/bytes.h"

namespace keyhold::crypto {

// Fetched once for the process's life: fetching takes locks and walks the providers.
const EVP_CIPHER* fetched_cipher(const char* name);

// Keyed contexts of one cipher. Lives in secret memory (the key is a member, for contexts made
// later); the contexts themselves are on OpenSSL's heap and cleansed by OpenSSL when freed.
class OpensslContexts {
 public:
  static constexpr std::size_t kKeptContexts = 4;

  // REQUIRES: key.size() == 32.
  OpensslContexts(const EVP_CIPHER* cipher, ByteView key);
  ~OpensslContexts();
  OpensslContexts(const OpensslContexts&) = delete;
  OpensslContexts& operator=(const OpensslContexts&) = delete;

  // Makes the first context; false where OpenSSL cannot.
  bool prepare();

  // A context of one's own for a while.
  class Lease {
   public:
    explicit Lease(OpensslContexts& owner) : owner_(owner), context_(owner.take()) {}
    ~Lease() { owner_.give_back(context_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    [[nodiscard]] EVP_CIPHER_CTX* get() const { return context_; }

   private:
    OpensslContexts& owner_;
    EVP_CIPHER_CTX* context_;
  };

 private:
  EVP_CIPHER_CTX* make() const;
  EVP_CIPHER_CTX* take();
  void give_back(EVP_CIPHER_CTX* context);

  const EVP_CIPHER* cipher_;
  std::array<std::uint8_t, 32> key_{};
  std::mutex mutex_;
  std::array<EVP_CIPHER_CTX*, kKeptContexts> idle_{};
  std::size_t idle_count_ = 0;
};

}  // namespace keyhold::crypto
