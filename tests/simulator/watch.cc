#include "watch.h"

#include <algorithm>

namespace keyhold::simulator {

using control::SealCause;
using control::SealWhen;

namespace {

// DESIGN 5's bounds, seen from outside, with a tenth of a second for timers.
constexpr nanoseconds kDenialToSealed = seconds(10);
constexpr nanoseconds kBackToServing = seconds(10);
// An outage is noticed one probe's interval and deadline after it began, at the latest; what a
// probe under way and the last one take, or the confirmation of a denial that came late, is added
// to the grace.
constexpr nanoseconds kNoticed = milliseconds(4600);
constexpr nanoseconds kLastProbes = milliseconds(4600);
// Between two outages: too short for a probe to be certain to succeed.
constexpr nanoseconds kGap = milliseconds(5700);

}  // namespace

void Watch::look() {
  for (const LockboxId lockbox : region_.lockboxes) observe(lockbox, seen_[lockbox]);
  check_seal();
  looked_ = world_.now();
  const BootTime calm = host_.calm_since();
  if (calm == BootTime::max()) return;
  const BootTime from = std::max(calm, host_.oracle().changed_at());
  if (host_.serving()) {
    check_denial(from);
    check_grace(from);
  } else {
    check_way_back(from);
  }
}

void Watch::observe(LockboxId lockbox, Seen& seen) {
  const BootTime now = world_.now();
  const Access access = access_to(kms_.cmek(lockbox), host_.network());
  if (access != seen.access || seen.since == BootTime()) seen.since = now;
  seen.access = access;
  if (access == Access::good) {
    if (seen.bad_since && !seen.bad_until) seen.bad_until = now;
    return;
  }
  const bool counts_as_one =
      seen.bad_until && (now < *seen.bad_until + kGap || host_.calm_since() > *seen.bad_until);
  if (!seen.bad_since || (seen.bad_until && !counts_as_one)) {
    seen.bad_since = now;
    seen.maybe_denied = false;
  }
  seen.bad_until.reset();
  seen.maybe_denied |= access != Access::out;
}

std::optional<BootTime> Watch::since(Access access, bool any) const {
  std::optional<BootTime> result;
  for (const LockboxId lockbox : host_.oracle().settled()) {
    const auto found = seen_.find(lockbox);
    const bool is = found != seen_.end() && found->second.access == access;
    if (!is && !any) return std::nullopt;
    if (!is) continue;
    const BootTime at = found->second.since;
    if (!result || (any ? at < *result : at > *result)) result = at;
  }
  return result;
}

void Watch::check_denial(BootTime calm) const {
  const bool any = region_.policy.seal_when == SealWhen::any_denied;
  const auto denying = since(Access::denying, any);
  if (!denying || world_.now() <= std::max(*denying, calm) + kDenialToSealed) return;
  world_.violated("I4: denied, so sealed within 10 s", host_.name() + " still serves");
}

void Watch::check_grace(BootTime calm) const {
  const bool any = region_.policy.seal_when == SealWhen::any_denied;
  const auto out = since(Access::out, any);
  if (!out) return;
  const BootTime end = std::max(*out, calm) + kNoticed + region_.policy.grace + kLastProbes;
  if (world_.now() <= end) return;
  world_.violated("I4: the grace's end seals", host_.name() + " still serves");
}

void Watch::check_way_back(BootTime calm) const {
  if (customer_.in_force() || customer_.waiting()) return;
  const bool any = region_.policy.seal_when == SealWhen::all_denied;
  const auto good = since(Access::good, any);
  if (!good) return;
  const BootTime from = std::max({*good, calm, customer_.free_since()});
  if (world_.now() <= from + kBackToServing) return;
  world_.violated("I6: access is back, so it serves within 10 s", host_.name() + " is sealed");
}

// I5: an outage shorter than the grace seals nothing.
void Watch::check_seal() {
  const bool served = std::exchange(served_, host_.serving());
  if (!served || served_ || !host_.running()) return;
  if (host_.lease().cause() != SealCause::grace_over) return;
  if (host_.oracle().changed_at() > looked_) return;  // by the policy or the lockboxes that were
  const bool any = region_.policy.seal_when == SealWhen::any_denied;
  nanoseconds longest = any ? nanoseconds::zero() : nanoseconds::max();
  for (const LockboxId lockbox : host_.oracle().settled()) {
    const Seen& seen = seen_[lockbox];
    if (!any && seen.maybe_denied) continue;  // as good as out for good
    // A host that did not run since could not know that it was over.
    const bool knew = seen.bad_until && host_.calm_since() <= *seen.bad_until;
    const nanoseconds bad = seen.bad_since
                                ? (knew ? *seen.bad_until : world_.now()) - *seen.bad_since
                                : nanoseconds::zero();
    longest = any ? std::max(longest, bad) : std::min(longest, bad);
  }
  if (longest >= region_.policy.grace) return;
  world_.violated("I5: a shorter outage seals nothing", host_.name() + " sealed");
}

}  // namespace keyhold::simulator
