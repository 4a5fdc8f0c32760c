#include "cli/reconcile.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <utility>

#include "kms/local/uri.h"

namespace keyhold::cli {
namespace {

using audit::Record;
using kms::AccessLogEntry;
namespace events = audit::events;

constexpr std::array kCalls = {events::kWrap, events::kUnwrap, events::kProbe, events::kDescribe};

// A killed host may have had a call under way that it did not record, begun this long before its
// last record. A power loss takes up to 256 records: at a probe every three seconds, this long.
constexpr std::chrono::seconds kBeforeLastRecord{15};
constexpr std::chrono::minutes kAfterLastRecord{15};
constexpr std::chrono::seconds kUnderWay{2};

bool is_call(std::string_view operation) {
  return std::ranges::find(kCalls, operation) != kCalls.end();
}

// What the log says of itself, between a host's end and the next one's start.
bool is_of_the_log(std::string_view event) {
  constexpr std::array kOwn = {events::kCheckpoint, events::kRepaired, events::kLogBroken,
                               events::kLogUnanchored, events::kLost};
  return std::ranges::find(kOwn, event) != kOwn.end();
}

Call call_of(const Record& record, const std::string& key) {
  return {.time = record.time,
          .operation = record.event,
          .key = key,
          .outcome = record.outcome,
          .request_id = record.request_id,
          .seq = record.seq};
}

Call call_of(const AccessLogEntry& entry) {
  return {.time = entry.time,
          .operation = entry.operation,
          .key = entry.key,
          .outcome = entry.outcome,
          .request_id = entry.request_id,
          .seq = 0,
          .pid = entry.pid};
}

bool same_story(const Call& a, const Call& b) {
  return a.operation == b.operation && a.key == b.key && a.outcome == b.outcome;
}

}  // namespace

Reconciler::Reconciler(Source source, std::vector<AccessLogEntry> kms_log)
    : source_(std::move(source)), kms_log_(std::move(kms_log)) {
  std::erase_if(kms_log_, [](const AccessLogEntry& entry) { return !is_call(entry.operation); });
  matched_.resize(kms_log_.size());
  by_id_.resize(kms_log_.size());
  std::iota(by_id_.begin(), by_id_.end(), std::size_t{0});
  std::ranges::sort(by_id_, {}, [&](std::size_t at) { return kms_log_[at].request_id; });
}

void Reconciler::take(const Record& record) {
  if (!record.key_id.empty()) source_.key_ids.insert(record.key_id);
  note_ending(record);
  if (!is_call(record.event) || record.request_id.empty()) return;
  const auto key = key_of(record);
  if (!key) {
    ++result_.other_kms;
    return;
  }
  our_keys_.insert(*key);
  match(record, *key);
}

// The key's name, where it is of this KMS.
std::optional<std::string> Reconciler::key_of(const Record& record) const {
  const auto location = kms::local::parse_uri(record.key_uri);
  if (!location || location->directory != source_.kms_directory) return std::nullopt;
  return location->name;
}

void Reconciler::note_ending(const Record& record) {
  if (record.event == events::kStart && !ended_ && last_time_) {
    endings_.push_back({.last_record = *last_time_, .next_start = record.time});
  }
  if (record.event == events::kStart) ended_ = false;
  if (record.event == events::kStop) ended_ = true;
  if (!is_of_the_log(record.event)) last_time_ = record.time;
}

void Reconciler::match(const Record& record, const std::string& key) {
  const Call ours = call_of(record, key);
  const auto id_of = [&](std::size_t at) -> const std::string& { return kms_log_[at].request_id; };
  const auto found = std::ranges::lower_bound(by_id_, record.request_id, {}, id_of);
  const bool there =
      found != by_id_.end() && id_of(*found) == record.request_id && !matched_[*found];
  if (there) {
    matched_[*found] = true;
    ++result_.in_both;
    const Call theirs = call_of(kms_log_[*found]);
    if (!same_story(ours, theirs)) result_.different.push_back({.audit = ours, .kms = theirs});
    return;
  }
  if (record.time > source_.read_at) return;  // the KMS's log was read before
  const bool gone = source_.kms_log_was_cut &&
                    (kms_log_.empty() || record.time <= kms_log_.front().time + kUnderWay);
  if (gone) {
    ++result_.before_kms_log;
  } else {
    result_.only_in_audit.push_back(ours);
  }
}

bool Reconciler::at_a_crash(WallTime time) const {
  return std::ranges::any_of(endings_, [&](const Ending& ending) {
    return time >= ending.last_record - kBeforeLastRecord &&
           time <= ending.last_record + kAfterLastRecord &&
           (!ending.next_start || time <= *ending.next_start);
  });
}

// Sorts the keys by whose they are: one key may serve many stores.
std::set<std::string> Reconciler::sort_keys() {
  std::set<std::string> shared;
  for (const AccessLogEntry& entry : kms_log_) {
    const auto key_id = entry.context.find("key_id");
    if (key_id == entry.context.end()) continue;
    const bool ours = source_.key_ids.contains(key_id->second);
    (ours ? our_keys_ : shared).insert(entry.key);
  }
  return shared;
}

bool Reconciler::is_of_others(const AccessLogEntry& entry) const {
  const auto key_id = entry.context.find("key_id");
  if (key_id == entry.context.end()) return !our_keys_.contains(entry.key);
  return !source_.key_ids.contains(key_id->second);
}

void Reconciler::judge(const AccessLogEntry& entry, const std::set<std::string>& shared_keys) {
  if (is_of_others(entry)) {
    ++result_.of_others;
  } else if (!entry.context.contains("key_id") && shared_keys.contains(entry.key)) {
    ++result_.not_attributable;
  } else if (entry.time + kUnderWay > source_.read_at) {
    ++result_.under_way;
  } else if (at_a_crash(entry.time)) {
    result_.lost_at_a_crash.push_back(call_of(entry));
  } else {
    result_.only_in_kms.push_back(call_of(entry));
  }
}

Reconciliation Reconciler::finish() && {
  // A host that runs, or was killed and has no successor yet.
  if (!ended_ && last_time_) {
    endings_.push_back({.last_record = *last_time_, .next_start = std::nullopt});
  }
  const std::set<std::string> shared_keys = sort_keys();
  for (std::size_t i = 0; i < kms_log_.size(); ++i) {
    if (!matched_[i]) judge(kms_log_[i], shared_keys);
  }
  return std::move(result_);
}

}  // namespace keyhold::cli
