// What the outside can see of a host, held against the truth about its KMS: I4, I5 and I6. It knows
// the state of keys and networks, not what any probe was answered.
#pragma once

#include <map>

#include "customer.h"
#include "host.h"
#include "kms.h"

namespace keyhold::simulator {

class Watch {
 public:
  Watch(World& world, Kms& kms, Region& region, Host& host, Customer& customer)
      : world_(world), kms_(kms), region_(region), host_(host), customer_(customer) {}

  // After every change of the truth, and often between.
  void look();

 private:
  // Of one lockbox.
  struct Seen {
    Access access = Access::good;
    BootTime since{};
    // The last time without use of it, as one: what lies between two counts as part of them when
    // it is too short for a probe to be sure of it.
    std::optional<BootTime> bad_since;
    std::optional<BootTime> bad_until;
    bool maybe_denied = false;  // in that time
  };

  void observe(LockboxId lockbox, Seen& seen);
  // The moment since which all of the lockboxes that the policy asks about are `access`.
  [[nodiscard]] std::optional<BootTime> since(Access access, bool any) const;
  void check_denial(BootTime calm) const;
  void check_grace(BootTime calm) const;
  void check_way_back(BootTime calm) const;
  void check_seal();

  World& world_;
  Kms& kms_;
  Region& region_;
  Host& host_;
  Customer& customer_;
  std::map<LockboxId, Seen> seen_;
  bool served_ = false;
  BootTime looked_{};
};

}  // namespace keyhold::simulator
