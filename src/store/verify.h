// Reading every byte of a file against its tags.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "store/store.h"

namespace keyhold::store {

// One place that is not as it was written.
struct Finding {
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

// `progress` is called with physical bytes as they are done. Errors of the operating system end it;
// damage becomes a finding.
Status verify_file(Store& store, const std::string& path, VerifyReport& report,
                   const std::function<void(std::uint64_t)>& progress);

}  // namespace keyhold::store
