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

// A checkpoint and where it stands.
struct FoundCheckpoint {
  Record record;
  std::string segment;
  std::uint64_t line = 0;
};

struct VerifyReport {
  static constexpr std::size_t kMaxFindings = 100;

  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t last_seq = 0;
  crypto::Mac head{};             // SHA-256 of the last line
  std::uint64_t torn_bytes = 0;   // behind it: being written, or torn by a crash; no finding
  std::vector<Finding> findings;  // the first of them; empty: nothing is wrong
  std::vector<Admission> admissions;
  std::vector<FoundCheckpoint> checkpoints;

  // check_checkpoints() sets these.
  bool checked = false;
  std::uint64_t good_checkpoints = 0;
  std::uint64_t older_checkpoints = 0;  // of KEK versions that are no more; later ones cover them
  std::uint64_t signed_up_to = 0;       // the last good checkpoint's number; 0: none
};

// Reads every line, needs no key. Code::not_found where there is no log; Code::unsupported where a
// newer Keyhold wrote it.
Result<VerifyReport> verify_log(io::FileSystem& files, const std::string& directory);

// Did this store's host make the checkpoints that were found? Adds its findings. The signer's error
// where it has no key.
Status check_checkpoints(VerifyReport& report, const Signer& signer);

}  // namespace keyhold::audit
