#include "control/lease.h"

#include <cassert>

#include "control/lease_machine.h"
#include "control/lease_table.h"

namespace keyhold::control {

Lease::Lease(const LeasePolicy& policy, const LeaseStart& start, BootTime now)
    : machine_(std::make_unique<LeaseMachine>(policy, start, now)) {}
Lease::~Lease() = default;
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;

LeaseStep Lease::step(const LeaseEvent& event, BootTime now, double jitter) {
  return machine_->step(event, now, jitter);
}

LeasePhase Lease::phase() const {
  return machine_->phase();
}
std::optional<SealCause> Lease::cause() const {
  return machine_->cause();
}
std::optional<SealCause> Lease::tombstone() const {
  return machine_->tombstone();
}
BootTime Lease::valid_until() const {
  return machine_->valid_until();
}

// No default labels: the compiler then names the value that a new enumerator lacks.
std::string_view name_of(LeasePhase phase) {
  switch (phase) {
    case LeasePhase::sealed:
      return "sealed";
    case LeasePhase::unsealing:
      return "unsealing";
    case LeasePhase::serving:
      return "serving";
    case LeasePhase::degraded:
      return "degraded";
    case LeasePhase::sealing:
      return "sealing";
  }
  assert(false);
  return {};
}

std::string_view name_of(ProbeAnswer answer) {
  switch (answer) {
    case ProbeAnswer::success:
      return "success";
    case ProbeAnswer::denied:
      return "denied";
    case ProbeAnswer::ambiguous:
      return "ambiguous";
    case ProbeAnswer::unavailable:
      return "unavailable";
  }
  assert(false);
  return {};
}

std::string_view name_of(SealCause cause) {
  switch (cause) {
    case SealCause::denied:
      return "denied";
    case SealCause::grace_over:
      return "grace_over";
    case SealCause::stuck:
      return "stuck";
    case SealCause::local_order:
      return "local_order";
    case SealCause::order:
      return "order";
    case SealCause::lost_ring:
      return "lost_ring";
  }
  assert(false);
  return {};
}

std::string_view name_of(AlertKind kind) {
  switch (kind) {
    case AlertKind::denied:
      return "denied";
    case AlertKind::denial_cleared:
      return "denial_cleared";
    case AlertKind::outage:
      return "outage";
    case AlertKind::outage_over:
      return "outage_over";
    case AlertKind::ambiguous:
      return "ambiguous";
    case AlertKind::sealed:
      return "sealed";
    case AlertKind::unsealed:
      return "unsealed";
  }
  assert(false);
  return {};
}

std::string_view name_of(EventKind kind) {
  switch (kind) {
    case EventKind::tick:
      return "tick";
    case EventKind::probe_ended:
      return "probe_ended";
    case EventKind::seal_ordered:
      return "seal_ordered";
    case EventKind::unseal_ordered:
      return "unseal_ordered";
    case EventKind::seal_ended:
      return "seal_ended";
    case EventKind::keys_fetched:
      return "keys_fetched";
    case EventKind::keys_not_fetched:
      return "keys_not_fetched";
    case EventKind::lockbox_added:
      return "lockbox_added";
    case EventKind::lockbox_removed:
      return "lockbox_removed";
    case EventKind::policy_changed:
      return "policy_changed";
  }
  assert(false);
  return {};
}

}  // namespace keyhold::control
