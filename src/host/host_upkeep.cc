// What the host does by itself, on the upkeep thread.
#include <algorithm>

#include "base/log.h"
#include "host/host_parts.h"

namespace keyhold::host {
namespace {

constexpr nanoseconds kNothingDue = std::chrono::hours(1);
// Not in the first seconds of a short-lived host, but well within the hour of a restarted one.
constexpr nanoseconds kFirstKmsCheck = std::chrono::seconds(30);

nanoseconds until(WallTime due, WallTime now) {
  if (due == WallTime::max()) return kNothingDue;
  return std::max<nanoseconds>(due - now, nanoseconds::zero());
}

}  // namespace

void HostParts::start_upkeep() {
  if (!options_.start_socket) return;
  rotate_what_is_due();
  check_kms_at_ =
      environment_.clock.boot_now() + std::min(kFirstKmsCheck, options_.upkeep.kms_check);
  upkeep_.start([this] { return chores(); });
}

nanoseconds HostParts::chores() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != HostState::serving && state_ != HostState::degraded) return kNothingDue;
  }
  return std::min({rotate_what_is_due(), flush_counters(), check_kms_versions()});
}

nanoseconds HostParts::rotate_what_is_due() {
  const auto rotated = ring_->rotate_if_due();
  note_upkeep("rotating the DEK", rotated ? Status() : fail(rotated.error()));
  if (!rotated) return options_.upkeep.after_failure;
  const keyring::Contents contents = ring_->contents();
  if (*rotated) {
    record({.event = std::string(audit::events::kRotateDek),
            .cause = "due",
            .dek_generation = number(contents.generations.back().generation)});
    log::info("store " + layout_.root + ": rotated the DEK, generation " +
              std::to_string(number(contents.generations.back().generation)) + " takes new files");
  }
  return until(contents.next_rotation_due, environment_.clock.wall_now());
}

nanoseconds HostParts::flush_counters() {
  const BootTime now = environment_.clock.boot_now();
  if (!flush_at_ && counted_) flush_at_ = now + options_.upkeep.flush;
  if (!flush_at_) return kNothingDue;
  if (now < *flush_at_) return *flush_at_ - now;
  counted_ = false;
  const Status flushed = ring_->flush();
  note_upkeep("saving byte counters", flushed);
  flush_at_.reset();
  if (flushed) return kNothingDue;
  counted_ = true;
  flush_at_ = now + options_.upkeep.after_failure;
  return options_.upkeep.after_failure;
}

nanoseconds HostParts::check_kms_versions() {
  const BootTime now = environment_.clock.boot_now();
  if (now < check_kms_at_) return check_kms_at_ - now;
  const Status outcome = note_kms(rewrap_what_is_due());
  note_upkeep("looking for a newer version of the CMEK", outcome);
  const nanoseconds pause = outcome ? options_.upkeep.kms_check : options_.upkeep.after_failure;
  check_kms_at_ = environment_.clock.boot_now() + pause;
  return pause;
}

Status HostParts::rewrap_what_is_due() {
  for (const keyring::Lockbox& lockbox : ring_->contents().lockboxes) {
    KEYHOLD_TRY_ASSIGN(const auto client,
                       make_client(clients_, lockbox.spec, kms::caller_of(lockbox.context)));
    KEYHOLD_TRY_ASSIGN(const bool due, ring_->rewrap_due(*client, kms_deadline()));
    if (!due) continue;
    const Status rewrapped = ring_->rewrap(*client, kms_deadline());
    record_outcome(audit::events::kRewrap, rewrapped,
                   {.cause = "a newer version", .key_uri = lockbox.spec.uri.str()});
    KEYHOLD_TRY(rewrapped);
    follow_lockboxes();
    log::info("store " + layout_.root + ": the KEK is wrapped by the newest version of " +
              lockbox.spec.uri.str());
  }
  return {};
}

// Says what went wrong once, until something else does.
void HostParts::note_upkeep(std::string_view chore, const Status& outcome) {
  const std::string problem =
      outcome ? std::string() : std::string(chore) + ": " + outcome.error().message();
  const std::lock_guard lock(mutex_);
  std::string& known = upkeep_problems_[std::string(chore)];
  if (!problem.empty() && problem != known) {
    log::warning("store " + layout_.root + ": " + problem);
  }
  known = problem;
}

}  // namespace keyhold::host
