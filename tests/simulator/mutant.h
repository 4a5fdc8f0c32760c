// The lease as a host's driver sees it: the shipped one, or one with a bug.
#pragma once

#include <map>
#include <set>

#include "bugs.h"
#include "control/lease.h"

namespace keyhold::simulator {

class Mutant {
 public:
  Mutant(Bug bug, const control::LeasePolicy& policy, const control::LeaseStart& start,
         BootTime now);

  control::LeaseStep step(control::LeaseEvent event, BootTime now, double jitter);

  [[nodiscard]] const control::Lease& lease() const { return lease_; }

 private:
  static control::LeasePolicy spoil(Bug bug, control::LeasePolicy policy);
  // False where the event is lost.
  bool spoil(control::LeaseEvent& event, BootTime now);
  void spoil(control::ProbeEnded& ended, BootTime now);
  void spoil(control::LeaseStep& step) const;
  [[nodiscard]] bool another_is_well(control::LockboxId than) const;

  Bug bug_;
  control::LeasePolicy policy_;  // as it was meant
  control::Lease lease_;
  // What the shim remembers of each lockbox.
  std::map<control::LockboxId, control::ProbeAnswer> last_;
  std::set<control::LockboxId> denied_;
  std::set<control::LockboxId> out_;
  std::map<control::LockboxId, BootTime> added_;
};

}  // namespace keyhold::simulator
