// The words for what happened, as docs/formats/audit.md lists them. Others may add their own.
#pragma once

#include <array>
#include <string_view>

#include "format/audit_record.h"

namespace keyhold::audit {

using Record = format::AuditRecord;

namespace events {

// Requests to a KMS.
inline constexpr std::string_view kWrap = "wrap";
inline constexpr std::string_view kUnwrap = "unwrap";
inline constexpr std::string_view kProbe = "probe";
inline constexpr std::string_view kDescribe = "describe";

// The host and its lease.
inline constexpr std::string_view kStart = "start";
inline constexpr std::string_view kStop = "stop";
inline constexpr std::string_view kSeal = "seal";
inline constexpr std::string_view kUnseal = "unseal";
inline constexpr std::string_view kDenial = "denial";
inline constexpr std::string_view kDenialCleared = "denial_cleared";
inline constexpr std::string_view kOutage = "outage";
inline constexpr std::string_view kOutageEnd = "outage_end";
inline constexpr std::string_view kAmbiguous = "ambiguous";
inline constexpr std::string_view kDeletionPending = "deletion_pending";
inline constexpr std::string_view kStuck = "stuck";

// Changes and orders.
inline constexpr std::string_view kRotateDek = "rotate_dek";
inline constexpr std::string_view kRotateKek = "rotate_kek";
inline constexpr std::string_view kRewrap = "rewrap";
inline constexpr std::string_view kReencryptBegin = "reencrypt_begin";
inline constexpr std::string_view kReencryptEnd = "reencrypt_end";
inline constexpr std::string_view kShred = "shred";
inline constexpr std::string_view kPolicy = "policy";
inline constexpr std::string_view kPolicyTampered = "policy_tampered";
inline constexpr std::string_view kOrder = "order";
inline constexpr std::string_view kRollbackAccepted = "rollback_accepted";

// The log's own.
inline constexpr std::string_view kCheckpoint = "checkpoint";
inline constexpr std::string_view kRepaired = "repaired";
inline constexpr std::string_view kLost = "lost";
inline constexpr std::string_view kLogBroken = "log_broken";
inline constexpr std::string_view kLogUnanchored = "log_unanchored";

inline constexpr std::array kAll = {
    kWrap,       kUnwrap,    kProbe,          kDescribe,        kStart,
    kStop,       kSeal,      kUnseal,         kDenial,          kDenialCleared,
    kOutage,     kOutageEnd, kAmbiguous,      kDeletionPending, kStuck,
    kRotateDek,  kRotateKek, kRewrap,         kReencryptBegin,  kReencryptEnd,
    kShred,      kPolicy,    kPolicyTampered, kOrder,           kRollbackAccepted,
    kCheckpoint, kRepaired,  kLost,           kLogBroken,       kLogUnanchored,
};

}  // namespace events

// A successful probe or unwrap: there are many, and a power loss may take the last of them.
inline bool is_routine(const Record& record) {
  return record.outcome == "ok" &&
         (record.event == events::kProbe || record.event == events::kUnwrap);
}

}  // namespace keyhold::audit
