// What the host writes down, and whom it tells.
#include <array>
#include <utility>

#include "audit/events.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "host/host_parts.h"
#include "host/recording_client.h"

namespace keyhold::host {
namespace {

// Between two looks at the CMEK itself, for its state and for a date of deletion.
constexpr nanoseconds kDescribeEvery = std::chrono::minutes(1);
constexpr nanoseconds kAuditPatience = std::chrono::seconds(3);

struct AlertRow {
  control::AlertKind kind;
  AlertKind raised;
  std::string_view event;  // empty: the seal and the unseal write records of their own
  std::string_view text;
};
constexpr std::array kAlerts = {
    AlertRow{control::AlertKind::denied, AlertKind::denial, audit::events::kDenial,
             "the KMS denies"},
    AlertRow{control::AlertKind::denial_cleared, AlertKind::denial_cleared,
             audit::events::kDenialCleared, "the KMS gives access again"},
    AlertRow{control::AlertKind::outage, AlertKind::outage_begin, audit::events::kOutage,
             "the KMS does not answer"},
    AlertRow{control::AlertKind::outage_over, AlertKind::outage_end, audit::events::kOutageEnd,
             "the KMS answers again"},
    AlertRow{control::AlertKind::ambiguous, AlertKind::ambiguous_answer, audit::events::kAmbiguous,
             "the KMS answers what may be a denial"},
    AlertRow{control::AlertKind::sealed, AlertKind::sealed, "", "the store is sealed"},
    AlertRow{control::AlertKind::unsealed, AlertKind::unsealed, "", "the store serves again"},
};

const AlertRow& row_of(control::AlertKind kind) {
  for (const AlertRow& row : kAlerts) {
    if (row.kind == kind) return row;
  }
  return kAlerts.front();
}

bool is_bad_news(control::AlertKind kind) {
  return kind == control::AlertKind::denied || kind == control::AlertKind::outage ||
         kind == control::AlertKind::ambiguous;
}

}  // namespace

// The store's lock is held, so nobody else is a host; but `store status` writes without one, for a
// moment. Whoever keeps the lock for longer keeps no store from serving, and status says so.
void HostParts::open_audit() {
  audit::LogOptions options;
  options.lock_patience = kAuditPatience;
  options.expects_past = true;  // the making of the store is in it
  auto opened = audit::Log::open(environment_.files, environment_.clock, layout_.audit, options);
  follow_alert_rules({});
  if (!opened) {
    audit_refusal_ = "the audit log cannot be written: " + opened.error().message();
    raise(AlertKind::audit_broken, audit_refusal_);
    return;
  }
  audit_ = *std::move(opened);
  clients_ = recording(std::move(clients_), *audit_);
}

void HostParts::record(audit::Record record) {
  if (audit_) audit_->append(std::move(record));
}

void HostParts::record_outcome(std::string_view event, const Status& outcome,
                               audit::Record record) {
  record.event = event;
  if (!outcome) {
    record.outcome = code_name(outcome.error().code());
    record.message = outcome.error().message();
  }
  this->record(std::move(record));
}

void HostParts::raise(AlertKind kind, std::string text, const std::string& lockbox,
                      std::optional<WallTime> deletion_date) {
  const std::lock_guard lock(alerts_mutex_);
  if (!alerts_) return;
  alerts_->raise({.kind = kind,
                  .store = layout_.root,
                  .text = std::move(text),
                  .deletion_date = deletion_date,
                  .lockbox = lockbox});
}

// Alerts on their way to the webhook of before are given the time that they linger.
void HostParts::follow_alert_rules(const format::AlertRules& rules) {
  auto alerts = std::make_unique<Alerts>(
      environment_.clock, environment_.random,
      AlertTargets{
          .webhook_url = rules.webhook, .ca_file = rules.ca_file, .token_file = rules.token_file});
  {
    const std::lock_guard lock(alerts_mutex_);
    alerts.swap(alerts_);
  }
}

void HostParts::alert(control::AlertKind kind, const std::string& lockbox) {
  const AlertRow& row = row_of(kind);
  std::string text(row.text);
  {
    const std::lock_guard lock(mutex_);
    if (kind == control::AlertKind::sealed) text += ": " + reason_;
    if (is_bad_news(kind) && !last_kms_problem_.empty()) text += ": " + last_kms_problem_;
  }
  if (!row.event.empty()) {
    record({.event = std::string(row.event), .key_uri = lockbox, .message = text});
  }
  raise(row.raised, std::move(text), lockbox);
}

// What the CMEK itself is like: now and then, and after each probe that failed.
void HostParts::describe_key(kms::Client& client, Deadline deadline, KmsAnswer& answer) {
  const BootTime now = environment_.clock.boot_now();
  const std::string uri = answer.spec.uri.str();
  {
    const std::lock_guard lock(mutex_);
    const auto before = kms_answers_.find(uri);
    if (before != kms_answers_.end()) answer.key = before->second.key;
    const bool same = before != kms_answers_.end() && before->second.unwraps == answer.unwraps;
    const auto at = described_at_.find(uri);
    if (same && at != described_at_.end() && now - at->second < kDescribeEvery) return;
    described_at_[uri] = now;
  }
  const auto key = client.describe(deadline);
  if (key) answer.key = *key;
}

// A date of deletion is told as soon as it is known, long before the key is gone.
void HostParts::note_answer(KmsAnswer answer) {
  const std::string uri = answer.spec.uri.str();
  const auto date = answer.key ? answer.key->deletion_date : std::nullopt;
  bool was_pending = false;
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    const auto before = kms_answers_.find(uri);
    const auto known = before != kms_answers_.end() && before->second.key
                           ? before->second.key->deletion_date
                           : std::nullopt;
    was_pending = known.has_value();
    is_news = known != date;
    kms_answers_.insert_or_assign(uri, std::move(answer));
  }
  if (!is_news) return;
  if (!date) {
    if (was_pending) raise(AlertKind::deletion_cancelled, "the CMEK will not be deleted", uri);
    return;
  }
  const std::string text = "the CMEK will be deleted for good, and every byte with it";
  record({.event = std::string(audit::events::kDeletionPending),
          .key_uri = uri,
          .message = text + ", at " + format_timestamp(*date)});
  raise(AlertKind::pending_deletion, text, uri, date);
}

}  // namespace keyhold::host
