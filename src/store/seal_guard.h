// The guard that a seal takes exclusively: covers each use of a key, and the check of the epoch
// before success is reported. System calls that can block run outside it. Writers (seals) go before
// new readers, so that a stream of I/O cannot starve a seal.
//
// A forked child has no right to the keys of its parent, and finds them wiped
// (crypto/secret_pool.h): there every use of a guard that came along is refused, for good, and
// takes no lock, because threads that are no more may hold it.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>

#include <pthread.h>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/instance.h"

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
    explicit Use(SealGuard& guard) : guard_(guard), own_(!guard.came_by_fork()) {
      if (own_) pthread_rwlock_rdlock(&guard_.lock_);
    }
    ~Use() {
      if (own_) pthread_rwlock_unlock(&guard_.lock_);
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    // Code::sealed where the store is sealed, what lend_until() said is over, or the guard came by
    // a fork.
    [[nodiscard]] Status check() const;
    // Rises at every seal. What began in one epoch must not report success in another.
    [[nodiscard]] std::uint64_t epoch() const { return guard_.epoch_; }

   private:
    SealGuard& guard_;
    const bool own_;
  };

  // Code::sealed where the store was sealed since epoch `began_in`, which a use gave, or the time
  // of lend_until() is over. Waits for nobody; what a seal that has returned ended is never
  // confirmed.
  [[nodiscard]] Status confirm(std::uint64_t began_in) const;

  // Code::sealed in a forked child of the process that made the guard.
  [[nodiscard]] Status check_process() const;
  [[nodiscard]] bool came_by_fork() const { return crypto::process_instance() != made_in_; }

  // Until then keys may be used, by `clock`, which outlives the guard; from then on uses and
  // confirmations answer Code::sealed, however late the thread is that renews the right or seals.
  // Wipes nothing: that is seal()'s. Without a call the right lasts until a seal.
  void lend_until(const Clock& clock, BootTime until);

  // So much from now on, but only where the right is not over yet: what has run out stays so.
  void lend_for(const Clock& clock, BootClock::duration longer);

  // How much of that is left; BootClock::duration::max() where it was never said.
  [[nodiscard]] BootClock::duration lent_for(const Clock& clock) const;

  // Refuses, raises the epoch, wipes every registered holder. Returns when no key use is under way
  // and all are wiped.
  void seal();
  void unseal();

  // A holder is wiped by every seal until it is removed; both outside any use of this thread.
  std::list<KeyHolder*>::iterator add(KeyHolder& holder);
  void remove(std::list<KeyHolder*>::iterator place);

 private:
  [[nodiscard]] Status check_time() const;

  const std::uint64_t made_in_ = crypto::process_instance();
  pthread_rwlock_t lock_;
  bool sealed_ = false;
  std::atomic<std::uint64_t> epoch_ = 1;  // changed under the exclusive lock
  std::atomic<const Clock*> clock_ = nullptr;
  std::atomic<BootClock::rep> lent_until_ = 0;  // read where there is a clock
  std::mutex holders_mutex_;
  std::list<KeyHolder*> holders_;
};

}  // namespace keyhold::store
