// Is a log what a host wrote? Needs no lock; a host may write meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/segments.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::audit {

struct Finding {
  std::string segment;     // its path
  std::uint64_t line = 0;  // from 1; 0: the segment as a whole
  std::uint64_t seq = 0;   // of the record that should stand there
  std::string what;
};

// A range of records that the log itself says is not whole.
struct Admission {
  std::uint64_t seq = 0;
  std::string event;  // lost, log_broken, log_unanchored, repaired
  std::uint64_t count = 0;
  std::string message;
};

struct VerifyReport {
  static constexpr std::size_t kMaxFindings = 100;

  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t last_seq = 0;
  crypto::Mac head{};             // SHA-256 of the last line
  std::uint64_t torn_bytes = 0;   // behind it: being written, or torn by a crash; no finding
  std::vector<Finding> findings;  // the first of them; empty: the chain is whole
  std::vector<Admission> admissions;

  std::uint64_t checkpoints = 0;
  bool had_signer = false;  // the rest is zero without one
  std::uint64_t good_checkpoints = 0;
  std::uint64_t older_checkpoints = 0;  // of KEK versions that are no more
  std::uint64_t signed_up_to = 0;       // the last good checkpoint's number; 0: none

  [[nodiscard]] bool is_whole() const { return findings.empty(); }
};

// Reads every line. Without a signer says nothing of the checkpoints. Code::not_found where there
// is no log; Code::unsupported where a newer Keyhold wrote it.
Result<VerifyReport> verify_log(io::FileSystem& files, const std::string& directory,
                                const Signer& signer = {});

}  // namespace keyhold::audit
