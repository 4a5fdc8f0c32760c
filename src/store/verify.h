// What reading every byte of files against its tags has found (Store::verify).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keyhold::store {

// One place that is not as it was written.
struct Finding {
  enum class Kind : std::uint8_t {
    damage,
    // A table without its end, as its writer leaves it that never closed it, and as a cut leaves
    // it.
    unfinished,
    newer,  // nothing that this version can judge
  };
  Kind kind = Kind::damage;
  std::string path;
  std::string where;  // "header", "chunk 17", "frame 3 at offset 8192", "end"
  std::string what;
};

struct VerifyReport {
  std::uint64_t files = 0;
  std::uint64_t logical_bytes = 0;
  std::vector<Finding> findings;
  // Logs without a closing record: a crash, or a writer at work; not a finding.
  std::vector<std::string> open_logs;
};

}  // namespace keyhold::store
