// What the lease has done to the host: probes, seals, and the keys back.
#include <utility>

#include "base/log.h"
#include "host/host_parts.h"
#include "host/recording_client.h"

namespace keyhold::host {
namespace {

// Of all lockboxes together, while the store is sealed: an answer that takes longer is asked again.
constexpr nanoseconds kFetchDeadline = std::chrono::seconds(4);
// How late the lease's thread may be without an engine's noticing.
constexpr nanoseconds kLateness = std::chrono::milliseconds(250);
// For a change of the key ring that is in flight; its KMS call ends by its own deadline.
constexpr nanoseconds kDrain = std::chrono::seconds(12);
// An order to seal waits for the fence, for uses under way, and for a change of the key ring whose
// KMS call ends by its own deadline.
constexpr nanoseconds kSealPatience = std::chrono::seconds(15);

control::ProbeAnswer answer_of(kms::Fault fault) {
  if (kms::is_denial(fault)) return control::ProbeAnswer::denied;
  if (fault == kms::Fault::ambiguous) return control::ProbeAnswer::ambiguous;
  return control::ProbeAnswer::unavailable;
}

control::KeysNotFetched not_fetched(Code code) {
  const bool lost = code == Code::rollback || code == Code::integrity || code == Code::wrong_key;
  const auto answer =
      code == Code::denied ? control::ProbeAnswer::denied : control::ProbeAnswer::unavailable;
  return {.answer = answer, .ring_lost = lost};
}

HostState state_of(control::LeasePhase phase) {
  switch (phase) {
    case control::LeasePhase::serving:
      return HostState::serving;
    case control::LeasePhase::degraded:
      return HostState::degraded;
    case control::LeasePhase::sealing:
      return HostState::sealing;
    case control::LeasePhase::unsealing:
      return HostState::unsealing;
    default:
      return HostState::sealed;
  }
}

}  // namespace

// Without the socket nobody could ask such a host anything, and it lives for one command.
void HostParts::begin_lease() {
  const bool keeps_lease = options_.keeps_lease && options_.start_socket;
  const auto lease = options_.lease.value_or(lease_policy(policy().lease));
  if (keeps_lease) lend_until(fetched_since_ + lease.stuck_after);
  opened_.store(ring_.get(), std::memory_order_release);
  if (keeps_lease) keeper_.start(lease, ring_->contents().lockboxes, fetched_since_);
}

// A tombstone keeps the host from its KMS altogether.
Status HostParts::wait_while_sealed() {
  bool said_so = false;
  std::unique_lock lock(mutex_);
  while (const auto tombstone = read_tombstone(environment_.files, layout_)) {
    const Error sealed = sealed_by(layout_, *tombstone);
    if (!options_.waits_while_sealed) return fail(sealed);
    if (!std::exchange(said_so, true)) log::warning(sealed.message());
    enter(HostState::sealed);
    reason_ = sealed.message();
    order_came_.wait_for(lock, std::chrono::seconds(1));
  }
  enter(HostState::waiting_for_kms);
  reason_.clear();
  return {};
}

control::ProbeAnswer HostParts::probe(const keyring::Lockbox& lockbox) {
  const Deadline deadline = Deadline::after(environment_.clock, policy().lease.probe_deadline);
  KmsAnswer answer{.spec = lockbox.spec, .key = {}, .unwraps = false, .error = {}};
  const auto client =
      clients_(lockbox.spec,
               kms::caller_of(lockbox.context));  // new for every probe, and so its credentials
  if (client) {
    const auto request = (*client)->probe(lockbox.wrapped, lockbox.context, deadline);
    answer.unwraps = request.has_value();
    if (!request) answer.error = request.error();
    describe_key(**client, deadline, answer);
  } else {
    answer.error = client.error();
  }
  static_cast<void>(note_kms(answer.error ? fail(answer.error->to_error()) : Status()));
  note_answer(answer);
  return answer.error ? answer_of(answer.error->fault()) : control::ProbeAnswer::success;
}

std::optional<control::KeysNotFetched> HostParts::fetch_keys() {
  const Status fetched = note_kms(ring()->fetch_keys(
      clients_, Deadline::after(environment_.clock, kFetchDeadline), options_.denial_rule));
  if (fetched) return std::nullopt;
  log::warning("store " + layout_.root +
               ": the keys did not come back: " + fetched.error().message());
  return not_fetched(fetched.error().code());
}

// With a little beyond: the lease's thread comes at `until` and fences the engine, which is not to
// meet an I/O error a moment before.
void HostParts::lend_until(BootTime until) {
  guard_.lend_until(environment_.clock, until + kLateness);
}

void HostParts::serve() {
  if (audit_) {
    static_cast<void>(
        audit_->unseal({.event = std::string(audit::events::kUnseal)}, audit_signer(*ring())));
  }
  guard_.unseal();
  upkeep_.wake();
}

bool HostParts::keeps_time() const {
  const BootTime fencing_since{BootClock::duration(fencing_since_.load())};
  const nanoseconds fencing = environment_.clock.boot_now() - fencing_since;
  if (fencing_since != BootTime() && fencing > 2 * policy().engine.fence_timeout) return false;
  if (guard_.lent_for(environment_.clock) > nanoseconds::zero()) return true;
  const std::lock_guard lock(mutex_);
  return state_ != HostState::serving && state_ != HostState::degraded;
}

// The engine's I/O is answered while it is fenced, although the lease is over by then: what it has
// acknowledged is not to be lost. Not where this process itself stood still: a right that has run
// out before the seal began stays so.
void HostParts::seal(control::SealCause cause) {
  if (cause == control::SealCause::stuck) {
    record({.event = std::string(audit::events::kStuck), .message = why(cause)});
    raise(AlertKind::stuck_host, why(cause));
  } else {
    guard_.lend_for(environment_.clock, policy().engine.fence_timeout);
  }
  seal(why(cause));
}

// The order of DESIGN 5: fence while I/O is answered, refuse, drain, wipe.
void HostParts::seal(const std::string& reason) {
  fencing_since_ = environment_.clock.boot_now().time_since_epoch().count();
  {
    const std::lock_guard lock(mutex_);
    enter(HostState::sealing);
    reason_ = reason;
  }
  if (server_) server_->tell_watchers({Code::sealed, "the store's host has sealed it: " + reason});
  const auto fence = Deadline::after(environment_.clock, policy().engine.fence_timeout);
  const bool fenced = engine_.fence(reason, fence);
  if (audit_) {
    audit_->seal({.event = std::string(audit::events::kSeal),
                  .cause = reason,
                  .message = fenced ? "the engine serves nothing any more"
                                    : "the engine was not stopped in time, and is ended"});
  }
  guard_.seal();
  if (!fenced) engine_.end(reason);
  fencing_since_ = 0;
  log::warning("store " + layout_.root + " is sealed: " + reason);
  // A change in flight has keys of its own until its KMS call returns.
  keyring::KeyRing* const opened = ring();
  if (opened != nullptr && !opened->drain(Deadline::after(environment_.clock, kDrain))) {
    log::error(
        "a change of the key ring is under way still: a key of its own is in memory until "
        "its disk answers");
  }
  const std::lock_guard lock(mutex_);
  enter(HostState::sealed);
}

std::string HostParts::why(control::SealCause cause) const {
  const std::lock_guard lock(mutex_);
  switch (cause) {
    case control::SealCause::denied:
      return "the customer's KMS denied access: " + last_kms_problem_;
    case control::SealCause::grace_over:
      return "the KMS did not answer for longer than the policy's grace: " + last_kms_problem_;
    case control::SealCause::stuck:
      return "no probe of the KMS was completed in time: this machine or process stood still";
    case control::SealCause::local_order:
      return "by order of `keyhold store seal`";
    case control::SealCause::order:
      return "by an order of REVOKE";
    default:
      return "the key ring is not the one that was here: " + last_kms_problem_;
  }
}

Status HostParts::write_tombstone(control::SealCause cause) {
  const Status written = host::write_tombstone(
      environment_.files, layout_, {.cause = cause, .at = environment_.clock.wall_now()});
  if (written) {
    record({.event = std::string(audit::events::kOrder),
            .cause = "seal",
            .message = std::string(control::name_of(cause))});
  }
  return written;
}

Status HostParts::clear_tombstone() {
  const Status cleared = host::clear_tombstone(environment_.files, layout_);
  if (cleared) record({.event = std::string(audit::events::kOrder), .cause = "unseal"});
  return cleared;
}

void HostParts::phase_changed(control::LeasePhase phase) {
  const bool back = phase == control::LeasePhase::serving || phase == control::LeasePhase::degraded;
  bool resumes = false;
  {
    const std::lock_guard lock(mutex_);
    resumes = back && state_ == HostState::unsealing;
    enter(state_of(phase));
    if (back) reason_.clear();
  }
  if (resumes) engine_.resume();
}

void HostParts::follow_lockboxes() {
  keeper_.set_lockboxes(ring()->contents().lockboxes);
}

// Before the ring is there, the tombstone alone is the order.
Status HostParts::order_seal() {
  {
    const std::lock_guard order(order_mutex_);
    if (ring() == nullptr) {
      KEYHOLD_TRY(write_tombstone(control::SealCause::local_order));
      order_came_.notify_all();
      return {};
    }
  }
  if (options_.keeps_lease) return keeper_.seal(control::SealCause::local_order, kSealPatience);
  KEYHOLD_TRY(write_tombstone(control::SealCause::local_order));
  seal(why(control::SealCause::local_order));
  return {};
}

Status HostParts::order_unseal() {
  if (ring() != nullptr && options_.keeps_lease) {
    return keeper_.unseal(control::SealCause::local_order);
  }
  const auto tombstone = read_tombstone(environment_.files, layout_);
  if (tombstone && tombstone->cause != control::SealCause::local_order) {
    return fail(Code::invalid_argument, sealed_by(layout_, *tombstone).message());
  }
  KEYHOLD_TRY(clear_tombstone());
  order_came_.notify_all();
  return {};
}

}  // namespace keyhold::host
