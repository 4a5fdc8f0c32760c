// The audit log of a store against the access log of a LOCAL KMS: every call in one is in the
// other. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit/events.h"
#include "base/clock.h"
#include "kms/local/messages/log_entry.h"

namespace keyhold::cli {

// A call that stands in one of the logs, by what that one says.
struct Call {
  WallTime time;
  std::string operation;
  std::string key;  // its name
  std::string outcome;
  std::string request_id;
  std::uint64_t seq = 0;  // of the audit record; 0: it is the KMS's entry
  std::int64_t pid = 0;   // of the KMS's entry
};

struct Difference {
  Call audit;
  Call kms;
};

struct Reconciliation {
  std::uint64_t in_both = 0;
  // What does not belong together.
  std::vector<Call> only_in_audit;
  std::vector<Call> only_in_kms;
  std::vector<Difference> different;  // one request id, but not one story

  // What explains itself.
  std::vector<Call> lost_at_a_crash;   // in the KMS's log, just before a host that ended uncleanly
  std::uint64_t under_way = 0;         // in the KMS's log, of the last two seconds
  std::uint64_t before_kms_log = 0;    // the KMS has given up its older log
  std::uint64_t of_others = 0;         // calls of other stores
  std::uint64_t other_kms = 0;         // our calls to another KMS
  std::uint64_t not_attributable = 0;  // describes of a key that others use too: they name no store

  [[nodiscard]] bool is_good() const {
    return only_in_audit.empty() && only_in_kms.empty() && different.empty();
  }
};

class Reconciler {
 public:
  struct Source {
    std::string kms_directory;      // as the keys' URIs have it
    std::set<std::string> key_ids;  // of the store's KEKs, beside those that its audit log names
    bool kms_log_was_cut = false;   // there is an older half: what was before it is gone
    WallTime read_at;               // when the KMS's log was read: before the audit log was
  };

  Reconciler(Source source, std::vector<kms::AccessLogEntry> kms_log);

  // Every record of the audit log, in order.
  void take(const audit::Record& record);
  Reconciliation finish() &&;

 private:
  struct Ending {
    WallTime last_record;
    std::optional<WallTime> next_start;
  };

  [[nodiscard]] std::optional<std::string> key_of(const audit::Record& record) const;
  void note_ending(const audit::Record& record);
  void match(const audit::Record& record, const std::string& key);
  void judge(const kms::AccessLogEntry& entry, const std::set<std::string>& shared_keys);
  [[nodiscard]] bool at_a_crash(WallTime time) const;
  [[nodiscard]] bool is_of_others(const kms::AccessLogEntry& entry) const;
  std::set<std::string> sort_keys();

  Source source_;
  std::vector<kms::AccessLogEntry> kms_log_;
  std::vector<bool> matched_;
  std::vector<std::size_t> by_id_;  // positions in kms_log_, sorted by request id
  std::set<std::string> our_keys_;  // names of keys that the store uses
  std::vector<Ending> endings_;
  std::optional<WallTime> last_time_;
  bool ended_ = true;  // by a `stop`, or nothing has begun
  Reconciliation result_;
};

}  // namespace keyhold::cli
