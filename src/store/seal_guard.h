// The guard that a seal takes exclusively: covers each use of a key, and the check of the epoch
// before success is reported. System calls that can block run outside it. Writers (seals) go before
// new readers, so that a stream of I/O cannot starve a seal.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>

#include <pthread.h>

#include "base/error.h"

namespace keyhold::store {

// Holds keys that a seal must wipe. wipe_keys() is called under the exclusive guard; it neither
// blocks nor takes the guard.
class KeyHolder {
 public:
  virtual ~KeyHolder() = default;
  virtual void wipe_keys() = 0;
};

class SealGuard {
 public:
  SealGuard();
  ~SealGuard();
  SealGuard(const SealGuard&) = delete;
  SealGuard& operator=(const SealGuard&) = delete;

  // Shared use: while one lives, no seal wipes a key.
  class Use {
   public:
    explicit Use(SealGuard& guard) : guard_(guard) { pthread_rwlock_rdlock(&guard_.lock_); }
    ~Use() { pthread_rwlock_unlock(&guard_.lock_); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    // Code::sealed where the store is sealed.
    [[nodiscard]] Status check() const;
    // Rises at every seal. What began in one epoch must not report success in another.
    [[nodiscard]] std::uint64_t epoch() const { return guard_.epoch_; }

   private:
    SealGuard& guard_;
  };

  // Code::sealed where the store was sealed since epoch `began_in`, which a use gave. Waits for
  // nobody; what a seal that has returned ended is never confirmed.
  [[nodiscard]] Status confirm(std::uint64_t began_in) const;

  // Refuses, raises the epoch, wipes every registered holder. Returns when no key use is under way
  // and all are wiped.
  void seal();
  void unseal();

  // A holder is wiped by every seal until it is removed; both outside any use of this thread.
  std::list<KeyHolder*>::iterator add(KeyHolder& holder);
  void remove(std::list<KeyHolder*>::iterator place);

 private:
  pthread_rwlock_t lock_;
  bool sealed_ = false;
  std::atomic<std::uint64_t> epoch_ = 1;  // changed under the exclusive lock
  std::mutex holders_mutex_;
  std::list<KeyHolder*> holders_;
};

}  // namespace keyhold::store
