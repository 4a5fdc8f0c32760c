#include "store/seal_guard.h"

#include <algorithm>

namespace keyhold::store {

SealGuard::SealGuard() {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  // A seal goes before new uses. Uses never nest: a nested one would wait for the seal that waits
  // for the outer one.
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&lock_, &attributes);
  pthread_rwlockattr_destroy(&attributes);
}

SealGuard::~SealGuard() {
  pthread_rwlock_destroy(&lock_);
}

Status SealGuard::Use::check() const {
  if (!own_) return guard_.check_process();
  if (guard_.sealed_)
    return fail(Code::sealed, "the store is sealed: the right to use its keys has ended");
  return guard_.check_time();
}

Status SealGuard::check_process() const {
  if (!came_by_fork()) return {};
  return fail(Code::sealed,
              "this process was forked from one that has the store open, and has no right to its "
              "keys: open the store anew");
}

Status SealGuard::check_time() const {
  const Clock* const clock = clock_.load(std::memory_order_acquire);
  if (clock == nullptr || clock->boot_now().time_since_epoch().count() < lent_until_) return {};
  return fail(Code::sealed,
              "the right to use the store's keys has run out and was not renewed in time");
}

void SealGuard::lend_until(const Clock& clock, BootTime until) {
  lent_until_ = until.time_since_epoch().count();
  clock_.store(&clock, std::memory_order_release);
}

void SealGuard::lend_for(const Clock& clock, BootClock::duration longer) {
  const BootTime now = clock.boot_now();  // one look: a process that stands still after it is late
  if (lent_for(clock) == BootClock::duration::max() || now.time_since_epoch().count() < lent_until_)
    lend_until(clock, now + longer);
}

Status SealGuard::confirm(std::uint64_t began_in) const {
  KEYHOLD_TRY(check_process());
  if (epoch_ != began_in) {
    return fail(Code::sealed, "the store was sealed meanwhile: what was under way does not count");
  }
  return check_time();
}

BootClock::duration SealGuard::lent_for(const Clock& clock) const {
  if (clock_.load(std::memory_order_acquire) == nullptr) return BootClock::duration::max();
  const BootTime until{BootClock::duration(lent_until_.load())};
  return std::max(until - clock.boot_now(), BootClock::duration::zero());
}

void SealGuard::seal() {
  if (came_by_fork()) return;
  pthread_rwlock_wrlock(&lock_);
  if (!sealed_) {
    sealed_ = true;
    ++epoch_;
    const std::lock_guard lock(holders_mutex_);
    for (KeyHolder* holder : holders_) holder->wipe_keys();
  }
  pthread_rwlock_unlock(&lock_);
}

void SealGuard::unseal() {
  if (came_by_fork()) return;
  pthread_rwlock_wrlock(&lock_);
  sealed_ = false;
  pthread_rwlock_unlock(&lock_);
}

std::list<KeyHolder*>::iterator SealGuard::add(KeyHolder& holder) {
  if (came_by_fork()) return holders_.end();
  const std::lock_guard lock(holders_mutex_);
  return holders_.insert(holders_.end(), &holder);
}

void SealGuard::remove(std::list<KeyHolder*>::iterator place) {
  if (came_by_fork()) return;
  const std::lock_guard lock(holders_mutex_);
  holders_.erase(place);
}

}  // namespace keyhold::store
