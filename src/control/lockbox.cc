#include "control/lockbox.h"

#include <algorithm>
#include <utility>

namespace keyhold::control {

void SuccessRun::add(BootTime began, nanoseconds spacing) {
  if (count_ > 0 && began < last_ + spacing) return;
  ++count_;
  last_ = began;
}

void Lockbox::probe_asked(BootTime now, double spread) {
  asked_ = now;
  spread_ = spread;
  soon_ = false;
}

void Lockbox::probe_ended(BootTime began, BootTime now) {
  asked_.reset();
  began_ = began;
  completed_ = now;
  if (denial_ && began >= denial_->first) ++denial_->tried;
}

BootTime Lockbox::next_probe(const LeasePolicy& policy, bool hurried) const {
  if (soon_) return BootTime::min();
  const double factor = 1 + policy.probe_jitter * (2 * spread_ - 1);
  const BootTime next =
      began_ + std::chrono::duration_cast<nanoseconds>(policy.probe_interval * factor);
  if (!hurried) return next;
  if (denial_ && completed_ < denial_ends(policy)) return began_ + policy.retry_interval;
  if (outage_ && outage_->last_tried < outage_->since + policy.grace) {
    return std::min(next, outage_->since + policy.grace);
  }
  return next;
}

bool Lockbox::awaits_tries(BootTime now, const LeasePolicy& policy) const {
  return denial_ && now >= denial_->first + policy.confirm_after && now < denial_ends(policy);
}

std::optional<AlertKind> Lockbox::succeeded(BootTime began) {
  if (denial_ && began < denial_->first) return std::nullopt;
  const auto told = denial_   ? std::optional(AlertKind::denial_cleared)
                    : outage_ ? std::optional(AlertKind::outage_over)
                              : std::nullopt;
  denial_.reset();
  outage_.reset();
  ambiguous_ = false;
  return told;
}

std::optional<AlertKind> Lockbox::denied(BootTime now) {
  outage_.reset();
  if (denial_) return std::nullopt;
  denial_ = Denial{.first = now};
  return AlertKind::denied;
}

std::optional<AlertKind> Lockbox::unanswered(BootTime began, BootTime now) {
  if (denial_) return std::nullopt;  // a cut network does not clear it
  if (outage_) {
    outage_->last_tried = began;
    return std::nullopt;
  }
  outage_ = Outage{.since = now, .last_tried = began};
  return AlertKind::outage;
}

bool Lockbox::ambiguous() {
  return !std::exchange(ambiguous_, true);
}

BootTime Lockbox::denial_ends(const LeasePolicy& policy) const {
  const BootTime confirmed = denial_->first + policy.confirm_after;
  return denial_->tried >= policy.confirm_probes ? confirmed
                                                 : confirmed + 2 * policy.probe_deadline;
}

std::optional<Lockbox::End> Lockbox::ends(const LeasePolicy& policy) const {
  if (denial_) return End{.at = denial_ends(policy), .cause = SealCause::denied};
  if (!outage_) return std::nullopt;
  const BootTime over = outage_->since + policy.grace;
  const bool tried = outage_->last_tried >= over;
  return End{.at = tried ? over : over + 2 * policy.probe_deadline, .cause = SealCause::grace_over};
}

void Lockbox::settle(ProbeAnswer answer, BootTime began, const LeasePolicy& policy) {
  if (answer == ProbeAnswer::denied) settling_run_.restart();
  if (answer != ProbeAnswer::success) return;
  ambiguous_ = false;
  settling_run_.add(began, policy.success_spacing);
  if (settling_run_.count() >= policy.successes_to_unseal) settling_since_.reset();
}

void Lockbox::end_settling() {
  settling_since_.reset();
  probe_soon();
}

}  // namespace keyhold::control
