// How a host begins: the region's KEK, its keys, its lease.
#include "host.h"

namespace keyhold::simulator {

using namespace control;  // NOLINT(google-build-using-namespace): its driver

void Host::start() {
  if (alive_) return;
  note("starts");
  alive_ = true;
  find_kek();
}

void Host::find_kek() {
  soon(world_.chance.between(milliseconds(2), milliseconds(30)), [this] {
    if (!region_.kek) return make_kek();
    kek_ = *region_.kek;
    fetch_at_start();
  });
}

// Wrapped, then proposed; the first proposal is kept, and whoever comes later takes that one.
void Host::make_kek() {
  call_each(0, ProbeAnswer::unavailable, [this](ProbeAnswer answer) {
    if (answer != ProbeAnswer::success) return soon(seconds(1), [this] { find_kek(); });
    soon(world_.chance.between(milliseconds(2), milliseconds(30)), [this] {
      const std::uint64_t mine = world_.chance.below(1'000'000'000) + 1;
      if (!region_.kek || bug_ == Bug::kek_made_twice) region_.kek = mine;
      kek_ = *region_.kek;
      fetch_at_start();
    });
  });
}

void Host::fetch_at_start() {
  if (disk.tombstone) return begin(std::nullopt);
  const BootTime began = world_.now();
  call_each(0, ProbeAnswer::unavailable, [this, began](ProbeAnswer answer) {
    keys_here_ = answer == ProbeAnswer::success;
    begin(keys_here_ ? std::optional(began) : std::nullopt);
  });
}

void Host::begin(std::optional<BootTime> fetched_since) {
  const LeaseStart start{
      .lockboxes = region_.lockboxes, .fetched_since = fetched_since, .tombstone = disk.tombstone};
  believed_tombstone_ = disk.tombstone;
  // A bug that alters an answer alters what is told of it too: not the way to find it.
  const bool hears_alerts = bug_ == Bug::none || bug_ == Bug::alert_lost;
  oracle_.emplace(world_, name_, region_.policy, start, hears_alerts);
  LeaseStart told = start;
  if (told.fetched_since) told.fetched_since = lease_now() - (world_.now() - *fetched_since);
  mutant_.emplace(bug_, region_.policy, told, lease_now());
  guard_open_ = serving();
  calm_since_ = world_.now();
  note(guard_open_ ? "serves" : "begins sealed");
  post(Tick{});
}

}  // namespace keyhold::simulator
