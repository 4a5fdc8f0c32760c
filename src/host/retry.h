// The one retry loop around a KMS: outages only, with growing pauses.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/random.h"
#include "host/host.h"

namespace keyhold::host {

// The pauses of a policy, one after the other.
class Backoff {
 public:
  Backoff(const RetryPolicy& policy, crypto::Random& random)
      : policy_(policy), random_(random), next_(policy.first_pause) {}

  nanoseconds next();

 private:
  const RetryPolicy& policy_;
  crypto::Random& random_;
  nanoseconds next_;
};

// Calls `attempt` until it answers anything but Code::unavailable, or policy.wait has passed since
// the first call. `failed` hears of every outage and the pause that follows (zero: none follows).
Status retry_outages(const RetryPolicy& policy, const Clock& clock, crypto::Random& random,
                     const std::function<Status()>& attempt,
                     const std::function<void(const Error&, nanoseconds)>& failed);

// "1.5 s", "200 ms", for messages.
std::string seconds_text(nanoseconds span);

}  // namespace keyhold::host
