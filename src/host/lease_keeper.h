// Keeps a host's lease: runs the clocks and probes that control::Lease asks for and has its
// decisions carried out. The lease has a thread of its own, and so has every lockbox, for a KMS
// that does not answer must hold up neither the clocks nor another lockbox's probes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "control/lease.h"
#include "crypto/random.h"
#include "host/upkeep.h"
#include "keyring/contents.h"

namespace keyhold::host {

// What the keeper has done by others. probe() and fetch_keys() run on threads of their own, all
// else on the lease's.
class LeaseWork {
 public:
  virtual ~LeaseWork() = default;

  virtual control::ProbeAnswer probe(const keyring::Lockbox& lockbox) = 0;
  // Nothing where the keys are here; I/O is not served before serve().
  virtual std::optional<control::KeysNotFetched> fetch_keys() = 0;

  virtual void lend_until(BootTime until) = 0;
  virtual void serve() = 0;
  // Fences, refuses, wipes. Returns when no key is left.
  virtual void seal(control::SealCause cause) = 0;
  virtual Status write_tombstone(control::SealCause cause) = 0;
  virtual Status clear_tombstone() = 0;
  virtual void alert(control::AlertKind kind, const std::string& lockbox) = 0;
  virtual void phase_changed(control::LeasePhase phase) = 0;
};

// Thread-safe, once start() has returned.
class LeaseKeeper {
 public:
  LeaseKeeper(const Clock& clock, crypto::Random& random, LeaseWork& work)
      : clock_(clock), random_(random), work_(work) {}
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;
  ~LeaseKeeper() { stop(); }

  // `fetched_since`: before the KMS calls began that gave the keys which are here.
  void start(const control::LeasePolicy& policy, const std::vector<keyring::Lockbox>& lockboxes,
             BootTime fetched_since);
  // Waits for what runs: a probe, by its deadline, or a fetch of the keys.
  void stop();

  void set_lockboxes(const std::vector<keyring::Lockbox>& lockboxes);
  void set_policy(const control::LeasePolicy& policy);

  // Returns when no key is left and the order is on disk, to outlive a restart. Code::unavailable
  // where that takes longer than `patience`: the order stands, and is written as soon as the disk
  // takes it.
  Status seal(control::SealCause cause, std::chrono::nanoseconds patience);
  // Code::invalid_argument where the store is sealed by something else than `cause`.
  Status unseal(control::SealCause cause);

  struct View {
    control::LeasePhase phase = control::LeasePhase::sealed;
    std::optional<control::SealCause> cause;
    std::optional<control::SealCause> tombstone;
    bool on_disk = true;  // that, or that there is none
  };
  [[nodiscard]] View view() const;

 private:
  // A lockbox and the thread that probes it.
  struct Prober {
    control::LockboxId id = 0;
    keyring::Lockbox lockbox;
    Upkeep thread;
  };

  void run();
  void post(const control::LeaseEvent& event);
  std::uint64_t enqueue(const control::LeaseEvent& event);  // under mutex_; its number
  void take(const control::LeaseEvent& event);
  void carry_out(const control::LeaseAction& action);
  void follow_phase();
  void settle_tombstone();
  void begin_probe(control::LockboxId id);
  void begin_fetch();
  [[nodiscard]] std::string name_of(std::optional<control::LockboxId> id) const;
  double jitter();

  const Clock& clock_;
  crypto::Random& random_;
  LeaseWork& work_;
  std::optional<control::Lease> lease_;  // of the lease's thread alone, as are the next two
  BootTime wake_at_{};
  control::LeasePhase shown_ = control::LeasePhase::serving;
  // What the disk did not take yet: a tombstone to write, or (nothing inside) one to clear.
  std::optional<std::optional<control::SealCause>> owed_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  std::deque<control::LeaseEvent> events_;
  std::uint64_t enqueued_ = 0;  // so many events came so far,
  std::uint64_t taken_ = 0;     // and so many were carried out
  View view_;
  control::LockboxId next_id_ = 1;
  std::map<control::LockboxId, std::unique_ptr<Prober>> probers_;
  std::vector<std::unique_ptr<Prober>> retired_;  // of lockboxes that are gone; joined by stop()
  Upkeep fetcher_;
  std::thread thread_;
};

}  // namespace keyhold::host
