// One record of the audit log, format 1 (docs/formats/audit.md): one line of canonical JSON
// (RFC 8785), chained to the one before by its SHA-256. Pure parse and serialize.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "crypto/kdf.h"

namespace keyhold::format {

inline constexpr std::uint32_t kAuditVersion = 1;
inline constexpr std::uint64_t kMaxAuditSequence = (1ULL << 53U) - 1;  // what JSON keeps exactly
inline constexpr std::size_t kMaxAuditLineSizeBytes = 65'536;          // without its line feed
inline constexpr std::uint64_t kMaxAuditSegmentSizeBytes = 16ULL << 20U;

// Empty texts and zero numbers of the second part are absent from the line.
struct AuditRecord {
  // The log's own.
  std::uint64_t seq = 0;  // 1, 2, … without a gap
  WallTime time{};        // cut to milliseconds; 1970 to 2261
  crypto::Mac prev{};     // SHA-256 of the line before, without its line feed; zero in the first

  std::string event{};        // a-z and _, 1 to 32 bytes
  std::string outcome{"ok"};  // the same: ok, or the name of a KMS fault or of an error code
  std::string cause{};        // up to 1024 bytes
  std::string store{};        // the store's id; 64
  std::string key_uri{};      // the CMEK of the lockbox; 2048
  std::string key_version{};  // of the CMEK, as the KMS says it; 512
  std::string request_id{};   // the KMS's; 256
  std::string purpose{};      // of the wrap; 64
  std::string key_id{};       // of the KEK, DEK or BEK that it is about; 64
  std::string message{};      // for people; 4096
  std::uint32_t dek_generation = 0;
  std::uint32_t kek_version = 0;
  std::uint64_t count = 0;           // of records, bytes, files: the event says of what
  std::optional<crypto::Mac> mac{};  // of a checkpoint: over audit_mac_input()

  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

// Makes any texts fit: bytes that are not UTF-8 become U+FFFD, what is too long is cut. An event or
// outcome that is none becomes "unknown".
void fit_audit_record(AuditRecord& record);

// Without a line feed. REQUIRES: a record that fits, with a sequence number in its range.
std::string serialize_audit_record(const AuditRecord& record);

// `line` without its line feed. Code::integrity where the bytes are not what serialize_audit_record
// writes, to the byte; Code::unsupported where a newer Keyhold wrote them.
Result<AuditRecord> parse_audit_record(std::string_view line);

// What a checkpoint's MAC covers: its own line without the member "mac", and through "prev"
// every line before.
std::string audit_mac_input(const AuditRecord& checkpoint);

// "0000000000000001.jsonl": a segment is called by the sequence number of its first record.
std::string audit_segment_name(std::uint64_t first_seq);
// Nothing for any other name.
std::optional<std::uint64_t> parse_audit_segment_name(std::string_view name);

}  // namespace keyhold::format
