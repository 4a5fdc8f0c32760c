#include "crypto/openssl_contexts.h"

#include <algorithm>
#include <set>

#include <pthread.h>

#include "crypto/fatal.h"
#include "crypto/secret.h"

namespace keyhold::crypto {
namespace {

// Every context of the process: they lie outside of secret memory, so nobody else takes their key
// schedules from a forked child.
class Contexts {
 public:
  // Never destroyed: keys in static objects may outlive everything.
  static Contexts& instance() {
    static auto* const made = [] {
      auto* const contexts = new Contexts;
      ::pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                       [] { instance().empty_in_child(); });
      return contexts;
    }();
    return *made;
  }

  void add(EVP_CIPHER_CTX* context) {
    const std::lock_guard guard(mutex_);
    all_.insert(context);
  }
  void remove_and_free(EVP_CIPHER_CTX* context) {
    {
      const std::lock_guard guard(mutex_);
      all_.erase(context);
    }
    EVP_CIPHER_CTX_free(context);
  }

 private:
  void empty_in_child() {
    for (EVP_CIPHER_CTX* const context : all_) EVP_CIPHER_CTX_reset(context);
    all_.clear();
    mutex_.unlock();
  }

  std::mutex mutex_;
  std::set<EVP_CIPHER_CTX*> all_;
};

void free_context(EVP_CIPHER_CTX* context) {
  Contexts::instance().remove_and_free(context);
}

}  // namespace

const EVP_CIPHER* fetched_cipher(const char* name) {
  const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  require(cipher != nullptr, "OpenSSL's default provider lacks AES-256");
  return cipher;
}

OpensslContexts::OpensslContexts(const EVP_CIPHER* cipher, ByteView key) : cipher_(cipher) {
  std::copy_n(key.begin(), key_.size(), key_.begin());
}

OpensslContexts::~OpensslContexts() {
  std::for_each_n(idle_.begin(), idle_count_, free_context);
  wipe(key_);
}

bool OpensslContexts::prepare() {
  EVP_CIPHER_CTX* const first = make();
  if (first == nullptr) return false;
  give_back(first);
  return true;
}

EVP_CIPHER_CTX* OpensslContexts::make() const {
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  if (context == nullptr) return nullptr;
  if (EVP_CipherInit_ex2(context, cipher_, key_.data(), nullptr, 1, nullptr) == 1 &&
      EVP_CIPHER_CTX_set_padding(context, 0) == 1) {
    Contexts::instance().add(context);
    return context;
  }
  EVP_CIPHER_CTX_free(context);
  return nullptr;
}

EVP_CIPHER_CTX* OpensslContexts::take() {
  {
    const std::lock_guard guard(mutex_);
    if (idle_count_ > 0) return idle_[--idle_count_];
  }
  EVP_CIPHER_CTX* const context = make();
  if (context == nullptr) fatal("no memory for a cipher context");
  return context;
}

void OpensslContexts::give_back(EVP_CIPHER_CTX* context) {
  {
    const std::lock_guard guard(mutex_);
    if (idle_count_ < kKeptContexts) {
      idle_[idle_count_++] = context;
      return;
    }
  }
  free_context(context);
}

}  // namespace keyhold::crypto
