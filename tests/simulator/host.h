// A host: the process that owns a store, its driver of the lease, its threads, its disk and its
// engine's reads. What the machine does to it (crash, stop, suspension, cut network) is done here.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bugs.h"
#include "kms.h"
#include "mutant.h"
#include "oracle.h"
#include "world.h"

namespace keyhold::simulator {

// What the hosts of a region share: the key ring's record at the controller, and the policy.
struct Region {
  std::vector<LockboxId> lockboxes;
  control::LeasePolicy policy;
  std::optional<std::uint64_t> kek;  // the first proposal
};

struct Disk {
  bool full = false;       // nothing can be written
  bool read_only = false;  // nor removed
  std::optional<control::SealCause> tombstone;
};

class Host {
 public:
  Host(World& world, Kms& kms, Region& region, int number, Bug bug, bool late_answers);

  void start();
  void crash();
  // Nothing of the process runs; a suspended machine's wake time does not pass either.
  void freeze(nanoseconds span, bool suspended);
  void stall_lease_thread(nanoseconds span);
  void cut(Network how) { network_ = how; }
  // Something else changed that it needs a moment to recover from.
  void disturb() { calm_since_ = world_.now(); }

  Disk disk;

  // An order, a change of policy or of lockboxes. Lost where no lease is there to hear it.
  void post(const control::LeaseEvent& event);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int incarnation() const { return incarnation_; }
  [[nodiscard]] bool running() const { return mutant_.has_value(); }
  [[nodiscard]] Network network() const { return network_; }
  [[nodiscard]] const control::Lease& lease() const { return mutant_->lease(); }
  [[nodiscard]] const Oracle& oracle() const { return *oracle_; }
  [[nodiscard]] bool serving() const;
  [[nodiscard]] bool opens_io() const { return guard_open_; }
  // What the host believes is on its disk; nothing while a change is not there yet.
  [[nodiscard]] std::optional<std::optional<control::SealCause>> tombstone_on_disk() const;
  // Since when it runs undisturbed; never while it does not.
  [[nodiscard]] BootTime calm_since() const;

  // One read of the engine. True where it was served.
  bool read();

 private:
  struct Post {
    control::LeaseEvent event;
    BootTime began;  // by the clock that the lease is told
  };

  // Start.
  void find_kek();
  void make_kek();
  void fetch_at_start();
  void begin(std::optional<BootTime> fetched_since);

  // Driver.
  void post_began(const control::LeaseEvent& event, BootTime began);
  void pump();
  void take(const Post& post);
  void carry_out(const control::LeaseAction& action);
  void ring_at(BootTime when);
  void begin_probe(LockboxId key);
  void begin_fetch();
  void begin_seal();
  void sync_tombstone(std::optional<control::SealCause> cause);
  void check() const;

  // One call with a deadline: `done` hears of it once, `late` of an answer after that.
  void call(LockboxId key, const std::shared_ptr<std::optional<Session>>& session,
            const std::function<void(ProbeAnswer)>& done,
            const std::function<void(ProbeAnswer)>& late);
  void call_each(std::size_t index, ProbeAnswer worst,
                 const std::function<void(ProbeAnswer)>& done);
  // On some thread of this process, as soon as it runs.
  void soon(nanoseconds span, std::function<void()> what);
  std::function<void()> as_this(std::function<void()> what);
  [[nodiscard]] BootTime lease_now();
  void note(const std::string& what) const { world_.note(name_, what); }

  World& world_;
  Kms& kms_;
  Region& region_;
  std::string name_;
  Bug bug_;
  bool late_answers_;
  Network network_ = Network::up;

  // Of the machine.
  BootTime frozen_until_{};
  BootTime stalled_until_{};
  nanoseconds suspended_{0};
  BootTime last_lease_now_{};
  BootTime calm_since_{};

  // Of the process.
  int incarnation_ = 0;
  bool alive_ = false;
  std::uint64_t kek_ = 0;
  bool keys_here_ = false;
  bool guard_open_ = false;
  BootTime lent_until_{};
  std::optional<Mutant> mutant_;
  std::optional<Oracle> oracle_;
  std::deque<Post> inbox_;
  bool pumping_later_ = false;
  std::uint64_t ring_ = 0;
  std::map<LockboxId, int> probes_under_way_;
  std::map<LockboxId, std::shared_ptr<std::optional<Session>>> sessions_;
  std::optional<control::SealCause> believed_tombstone_;
  bool tombstone_pending_ = false;
  std::uint64_t tombstone_try_ = 0;
};

}  // namespace keyhold::simulator
