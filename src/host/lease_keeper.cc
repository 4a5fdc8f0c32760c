#include "host/lease_keeper.h"

#include <algorithm>
#include <array>
#include <utility>

#include <pthread.h>

#include "base/log.h"
#include "base/signals_blocked.h"

namespace keyhold::host {
namespace {

// Also bounds what a suspended machine can delay beyond its resume.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::seconds(1);

std::chrono::nanoseconds nothing_due() {
  return std::chrono::hours(1);
}

bool same_cmek(const keyring::Lockbox& one, const keyring::Lockbox& other) {
  return one.spec == other.spec;
}

bool serves(control::LeasePhase phase) {
  return phase == control::LeasePhase::serving || phase == control::LeasePhase::degraded;
}

}  // namespace

void LeaseKeeper::start(const control::LeasePolicy& policy,
                        const std::vector<keyring::Lockbox>& lockboxes, BootTime fetched_since) {
  control::LeaseStart start{.lockboxes = {}, .fetched_since = fetched_since, .tombstone = {}};
  for (const keyring::Lockbox& lockbox : lockboxes) {
    auto prober = std::make_unique<Prober>();
    prober->id = next_id_++;
    prober->lockbox = lockbox;
    prober->thread.start(nothing_due);
    start.lockboxes.push_back(prober->id);
    probers_.emplace(prober->id, std::move(prober));
  }
  fetcher_.start(nothing_due);
  lease_.emplace(policy, start, clock_.boot_now());
  view_.phase = shown_ = lease_->phase();
  work_.lend_until(lease_->valid_until());
  running_ = true;
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

void LeaseKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    running_ = false;
    changed_.notify_all();
  }
  thread_.join();
  fetcher_.stop();
  probers_.clear();
  retired_.clear();
}

void LeaseKeeper::run() {
  pthread_setname_np(pthread_self(), "keyhold-lease");
  wake_at_ = clock_.boot_now();
  std::unique_lock lock(mutex_);
  while (running_) {
    const auto idle =
        std::clamp<std::chrono::nanoseconds>(wake_at_ - std::min(clock_.boot_now(), wake_at_),
                                             std::chrono::nanoseconds::zero(), kLongestSleep);
    changed_.wait_for(lock, idle, [&] { return !running_ || !events_.empty(); });
    while (running_ && !events_.empty()) {
      const control::LeaseEvent event = events_.front();
      events_.pop_front();
      lock.unlock();
      take(event);
      lock.lock();
      ++taken_;
      changed_.notify_all();
    }
    if (!running_) break;
    lock.unlock();
    settle_tombstone();
    if (clock_.boot_now() >= wake_at_) take(control::Tick{});
    lock.lock();
  }
}

void LeaseKeeper::post(const control::LeaseEvent& event) {
  const std::lock_guard lock(mutex_);
  enqueue(event);
}

std::uint64_t LeaseKeeper::enqueue(const control::LeaseEvent& event) {
  events_.push_back(event);
  changed_.notify_all();
  return ++enqueued_;
}

void LeaseKeeper::take(const control::LeaseEvent& event) {
  const control::LeaseStep step = lease_->step(event, clock_.boot_now(), jitter());
  wake_at_ = step.wake_at;
  if (serves(lease_->phase())) work_.lend_until(lease_->valid_until());
  follow_phase();
  for (const control::LeaseAction& action : step.actions) carry_out(action);
  settle_tombstone();
}

// What others see of the lease. The keys count from here on, never before the machine said so.
void LeaseKeeper::follow_phase() {
  const control::LeasePhase phase = lease_->phase();
  if (serves(phase) && !serves(shown_)) work_.serve();
  if (phase != shown_) work_.phase_changed(phase);
  shown_ = phase;
  const std::lock_guard lock(mutex_);
  view_.phase = phase;
  view_.cause = lease_->cause();
  view_.tombstone = lease_->tombstone();
  changed_.notify_all();
}

void LeaseKeeper::carry_out(const control::LeaseAction& action) {
  struct Doing {
    LeaseKeeper& keeper;
    void operator()(const control::Probe& probe) const { keeper.begin_probe(probe.lockbox); }
    void operator()(const control::Seal& seal) const {
      keeper.work_.seal(seal.cause);
      keeper.post(control::SealEnded{});
    }
    void operator()(const control::Unseal&) const { keeper.begin_fetch(); }
    void operator()(const control::WriteTombstone& tombstone) const {
      keeper.owed_.emplace(tombstone.cause);
    }
    void operator()(const control::ClearTombstone&) const { keeper.owed_.emplace(std::nullopt); }
    void operator()(const control::Alert& alert) const {
      keeper.work_.alert(alert.kind, keeper.name_of(alert.lockbox));
    }
  };
  std::visit(Doing{*this}, action);
}

// After the seal, which no full disk and no hanging one holds up: the order is written as soon as
// it can be, and acknowledged then.
void LeaseKeeper::settle_tombstone() {
  if (!owed_) return;
  const Status settled = *owed_ ? work_.write_tombstone(**owed_) : work_.clear_tombstone();
  if (settled) owed_.reset();
  const std::lock_guard lock(mutex_);
  if (view_.on_disk && !settled) {
    log::error("the order is not on disk, a restart would not know of it: " +
               settled.error().message());
  }
  view_.on_disk = settled.has_value();
  changed_.notify_all();
}

// A late ProbeEnded of a lockbox that is gone is the machine's to ignore.
void LeaseKeeper::begin_probe(control::LockboxId id) {
  const std::lock_guard lock(mutex_);
  const auto found = probers_.find(id);
  if (found == probers_.end()) return;
  found->second->thread.post([this, id, lockbox = found->second->lockbox] {
    const BootTime began = clock_.boot_now();
    const control::ProbeAnswer answer = work_.probe(lockbox);
    post(control::ProbeEnded{.lockbox = id, .began = began, .answer = answer});
  });
}

void LeaseKeeper::begin_fetch() {
  fetcher_.post([this] {
    const auto failure = work_.fetch_keys();
    post(failure ? control::LeaseEvent(*failure) : control::LeaseEvent(control::KeysFetched{}));
  });
}

void LeaseKeeper::set_lockboxes(const std::vector<keyring::Lockbox>& lockboxes) {
  const std::lock_guard lock(mutex_);
  if (!running_) return;
  for (const keyring::Lockbox& lockbox : lockboxes) {
    const auto known = std::ranges::find_if(
        probers_, [&](const auto& entry) { return same_cmek(entry.second->lockbox, lockbox); });
    if (known != probers_.end()) {
      known->second->lockbox = lockbox;  // wrapped anew, perhaps
      continue;
    }
    auto prober = std::make_unique<Prober>();
    prober->id = next_id_++;
    prober->lockbox = lockbox;
    prober->thread.start(nothing_due);
    enqueue(control::LockboxAdded{prober->id});
    probers_.emplace(prober->id, std::move(prober));
  }
  for (auto entry = probers_.begin(); entry != probers_.end();) {
    const bool kept = std::ranges::any_of(lockboxes, [&](const keyring::Lockbox& lockbox) {
      return same_cmek(entry->second->lockbox, lockbox);
    });
    if (kept) {
      ++entry;
      continue;
    }
    enqueue(control::LockboxRemoved{entry->first});
    retired_.push_back(std::move(entry->second));
    entry = probers_.erase(entry);
  }
}

void LeaseKeeper::set_policy(const control::LeasePolicy& policy) {
  post(control::PolicyChanged{policy});
}

Status LeaseKeeper::seal(control::SealCause cause, std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  const std::uint64_t order = enqueue(control::SealOrdered{cause});
  changed_.wait_for(lock, patience, [&] {
    const bool done = taken_ >= order && view_.phase == control::LeasePhase::sealed;
    return !running_ || (done && view_.on_disk);
  });
  const bool done = taken_ >= order && view_.phase == control::LeasePhase::sealed;
  if (done && view_.on_disk) return {};
  if (view_.phase == control::LeasePhase::sealed) {
    return fail(Code::unavailable,
                "no key is left, but the order is not on disk yet: a restart would not know of it");
  }
  return fail(Code::unavailable, "the seal is not done yet: see `keyhold store status`");
}

Status LeaseKeeper::unseal(control::SealCause cause) {
  std::unique_lock lock(mutex_);
  const bool other = view_.tombstone && *view_.tombstone != cause;
  if (other) {
    return fail(Code::invalid_argument, "the store is sealed by " +
                                            std::string(control::name_of(*view_.tombstone)) +
                                            ", which this order does not undo");
  }
  enqueue(control::UnsealOrdered{cause});
  return {};
}

LeaseKeeper::View LeaseKeeper::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::string LeaseKeeper::name_of(std::optional<control::LockboxId> id) const {
  const std::lock_guard lock(mutex_);
  const auto found = id ? probers_.find(*id) : probers_.end();
  return found == probers_.end() ? std::string() : found->second->lockbox.spec.uri.str();
}

double LeaseKeeper::jitter() {
  std::array<std::uint8_t, 2> bytes{};
  random_.fill(bytes);
  return (bytes[0] * 256.0 + bytes[1]) / 65536.0;
}

}  // namespace keyhold::host
