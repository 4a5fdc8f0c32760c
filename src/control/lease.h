// The host's lease on its keys (DESIGN 5, docs/lease.md): what a host does about each answer of its
// KMS, each order and each clock. Pure: (state, event, now) → (state, actions); no I/O, no clock,
// no randomness of its own. One thread at a time.
//
// Five phases; the transitions between them are one constexpr table (lease_table.h). Times are of
// BootClock, so that neither a changed date nor a suspended machine stretches a lease. Clocks come
// before events: a lease whose time is over when an event arrives has ended, whatever the event
// says.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace keyhold::control {

using std::chrono::nanoseconds;

enum class LeasePhase : std::uint8_t {
  sealed,     // no key is here; probes go on, so that access that returns is noticed
  unsealing,  // enough successes: the keys are being fetched
  serving,    // every lockbox that is not settling answered its last probe with success
  degraded,   // serving, though some lockbox's last probe did not succeed: a denial not yet
              // confirmed, or an outage within its grace
  sealing,    // the engine is being fenced and the keys wiped
};

// Of one probe, by what may be concluded from it.
enum class ProbeAnswer : std::uint8_t {
  success,
  denied,       // evidence of revocation
  ambiguous,    // means either; LeasePolicy::ambiguous decides
  unavailable,  // an outage, a timeout, or nothing that says anything of the customer's will
};

enum class SealCause : std::uint8_t {
  denied,       // confirmed by absence of success
  grace_over,   // an outage outlasted the grace
  stuck,        // no probe was completed: this host is not to be trusted with time
  local_order,  // `keyhold store seal`
  order,        // REVOKE
  lost_ring,    // the keys came back other than they were: damaged, rolled back, another key's
};

enum class AmbiguousRule : std::uint8_t { outage, denial };
enum class SealWhen : std::uint8_t { any_denied, all_denied };

// The defaults of DESIGN 5. Intervals of probes run from start to start.
struct LeasePolicy {
  nanoseconds probe_interval = std::chrono::seconds(3);
  double probe_jitter = 0.2;                                    // of the interval, each way
  nanoseconds probe_deadline = std::chrono::seconds(1);         // the caller's, of one probe
  nanoseconds retry_interval = std::chrono::milliseconds(500);  // after a denial
  nanoseconds confirm_after = std::chrono::milliseconds(2500);  // since the first denial
  // Tried since, at least; where they take longer, two probe deadlines more at most.
  unsigned confirm_probes = 2;
  // Since the end of the first probe that got no answer, so at most one probe's interval and
  // deadline after the last success. A probe that begins at its end or later must fail as well
  // before the lease ends, within two probe deadlines more: an outage shorter than the grace seals
  // nothing, and one longer than it does. 0: the second failure in a row seals.
  nanoseconds grace = std::chrono::hours(1);
  nanoseconds stuck_after = std::chrono::seconds(10);     // since a lockbox's last completed probe
  nanoseconds settling = std::chrono::minutes(10);        // at most, of a new lockbox
  unsigned successes_to_unseal = 3;                       // and to settle
  nanoseconds success_spacing = std::chrono::seconds(1);  // between those that count
  AmbiguousRule ambiguous = AmbiguousRule::outage;
  SealWhen seal_when = SealWhen::any_denied;
};

using LockboxId = std::uint32_t;  // the host's own number; never used twice

// Events.
struct Tick {};  // the time that LeaseStep::wake_at named has come, or any other moment
// One that began before the probe under way was asked for is a late answer to an earlier one: its
// denial counts, its success or failure does not.
struct ProbeEnded {
  LockboxId lockbox = 0;
  BootTime began;  // after Probe was asked for, before the probe's credentials were made
  ProbeAnswer answer{};
};
// Leaves a tombstone. One of `order` takes the place of one of local_order, never the reverse.
struct SealOrdered {
  SealCause cause{};  // local_order, order
};
// Clears a tombstone of this cause, no other; probes then have to succeed as after any seal.
// local_order also lets a host with SealCause::lost_ring try again.
struct UnsealOrdered {
  SealCause cause{};  // local_order, order
};
struct SealEnded {};       // what Seal asked for is done: no key is left
struct KeysFetched {};     // what Unseal asked for is done
struct KeysNotFetched {    // no key is here
  ProbeAnswer answer{};    // of the KMS; unavailable where it was something else
  bool ring_lost = false;  // SealCause::lost_ring: probing does not mend it, an operator does
};
// Settles first: until its successes or the end of LeasePolicy::settling it is asked nothing.
struct LockboxAdded {
  LockboxId lockbox = 0;
};
// Where none is left that has settled, the rest stop settling: a lease hangs on a lockbox, always.
struct LockboxRemoved {
  LockboxId lockbox = 0;
};
struct PolicyChanged {
  LeasePolicy policy;
};
using LeaseEvent =
    std::variant<Tick, ProbeEnded, SealOrdered, UnsealOrdered, SealEnded, KeysFetched,
                 KeysNotFetched, LockboxAdded, LockboxRemoved, PolicyChanged>;

// Actions, carried out in the order given. A tombstone is written before Seal, as the end of the
// engine may be the end of the process.
struct Probe {
  LockboxId lockbox = 0;  // no other probe of it is under way
};
struct Seal {
  SealCause cause{};
};
struct Unseal {};
struct WriteTombstone {
  SealCause cause{};
};
struct ClearTombstone {};
enum class AlertKind : std::uint8_t {
  denied,          // a lockbox's first denial, before it is confirmed
  denial_cleared,  // a success came: in time, or while sealed
  outage,          // the first failure of a lockbox that was well
  outage_over,
  ambiguous,  // an answer that may be a denial
  sealed,
  unsealed,
};
struct Alert {
  AlertKind kind{};
  std::optional<LockboxId> lockbox;
};
using LeaseAction = std::variant<Probe, Seal, Unseal, WriteTombstone, ClearTombstone, Alert>;

struct LeaseStep {
  std::vector<LeaseAction> actions;
  BootTime wake_at;  // a Tick is due then at the latest; BootTime::max() where none is
};

// How a host begins.
struct LeaseStart {
  std::vector<LockboxId> lockboxes;  // REQUIRES: one at least, and one is left by LockboxRemoved
  // The keys are here, fetched by KMS calls that began then; else the host begins sealed.
  std::optional<BootTime> fetched_since;
  std::optional<SealCause> tombstone;  // REQUIRES: none where fetched_since is set
};

class LeaseMachine;

class Lease {
 public:
  Lease(const LeasePolicy& policy, const LeaseStart& start, BootTime now);
  ~Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;

  // `jitter` is in [0, 1): where in its interval the next probe falls. REQUIRES: `now` never goes
  // back; a ProbeEnded answers a Probe action; SealEnded, KeysFetched and KeysNotFetched answer
  // Seal and Unseal.
  LeaseStep step(const LeaseEvent& event, BootTime now, double jitter);

  [[nodiscard]] LeasePhase phase() const;
  // Of the last seal, until the host serves again; the tombstone's while there is one. None for a
  // host that began sealed without one.
  [[nodiscard]] std::optional<SealCause> cause() const;
  [[nodiscard]] std::optional<SealCause> tombstone() const;  // what only an order clears

  // When the lease ends if no further event comes: what I/O must not outlast, however late the
  // caller's thread is. The grace, stuck_after and a denial under confirmation are in it; every
  // step may move it. BootTime::min() in the phases that do not serve.
  [[nodiscard]] BootTime valid_until() const;

 private:
  std::unique_ptr<LeaseMachine> machine_;
};

// As `status`, logs and docs/lease.md spell them: "sealed", "grace_over".
std::string_view name_of(LeasePhase phase);
std::string_view name_of(ProbeAnswer answer);
std::string_view name_of(SealCause cause);
std::string_view name_of(AlertKind kind);

}  // namespace keyhold::control
