// Keys of an open file: derived at their first use, wiped by a seal, derived again after the
// unseal.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <utility>

#include "crypto/secret.h"
#include "store/key_source.h"

namespace keyhold::store {

// Thread-safe. A class below calls join() as the last act of its constructor and leave() in its
// destructor, before its own members go.
class LazyKeys : public KeyHolder {
 public:
  LazyKeys(const LazyKeys&) = delete;
  LazyKeys& operator=(const LazyKeys&) = delete;

  // Runs `work(use)` while the keys are there and no seal can take them. `work` never blocks.
  // Returns what it returns, a Status or Result, or the error that kept it from running.
  template <typename Work>
  auto with(Work&& work) -> decltype(work(std::declval<const SealGuard::Use&>())) {
    if (!ready_.load(std::memory_order_acquire)) {
      crypto::warn_of_secret_memory_limit();
      KEYHOLD_TRY(source_.prepare(generation()));
    }
    const SealGuard::Use use(source_.guard());
    KEYHOLD_TRY(use.check());
    KEYHOLD_TRY(ensure());
    return std::forward<Work>(work)(use);
  }

  // What began in `epoch` may report success. Keys need not be there.
  Status confirm(std::uint64_t epoch) { return source_.guard().confirm(epoch); }

  void wipe_keys() final {
    ready_.store(false, std::memory_order_relaxed);
    wipe();
  }

  [[nodiscard]] KeySource& source() const { return source_; }

 protected:
  explicit LazyKeys(KeySource& source) : source_(source) {}
  void join() { place_ = source_.guard().add(*this); }
  void leave() { source_.guard().remove(place_); }

  [[nodiscard]] virtual Generation generation() const = 0;
  // Has everything derived anew at the next use. REQUIRES: the only thread that uses these keys, in
  // a use of the guard.
  void forget() { wipe_keys(); }
  // Derives everything. Called in a use of the guard, by one thread at a time.
  virtual Status load() = 0;
  virtual void wipe() = 0;

 private:
  Status ensure() {
    if (ready_.load(std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    if (ready_.load(std::memory_order_relaxed)) return {};
    KEYHOLD_TRY(load());
    ready_.store(true, std::memory_order_release);
    return {};
  }

  KeySource& source_;
  std::list<KeyHolder*>::iterator place_;
  std::mutex mutex_;
  std::atomic<bool> ready_ = false;
};

}  // namespace keyhold::store
