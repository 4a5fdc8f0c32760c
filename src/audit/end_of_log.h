// What a host finds at the end of a log that another one wrote.
#pragma once

#include <optional>
#include <string>

#include "audit/segments.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::audit {

struct EndOfLog {
  Link next;                     // what the next record must say
  std::string segment;           // where it goes; empty: in a new one
  std::uint64_t size_bytes = 0;  // of that segment's whole records
  std::uint64_t torn_bytes = 0;  // behind them, left by a crash
  std::string damage;            // what no crash did; then `segment` is empty, and nothing is cut
  // The last checkpoint, where the chain from it to the end is whole.
  std::optional<Record> checkpoint;
  std::uint64_t records_since_checkpoint = 0;

  [[nodiscard]] bool is_new() const { return next.seq == 1; }
};

// Reads back as far as the last checkpoint, at most eight segments. Writes nothing.
// Code::unsupported where a newer Keyhold wrote them.
Result<EndOfLog> find_end_of_log(io::FileSystem& files, const std::string& directory);

}  // namespace keyhold::audit
