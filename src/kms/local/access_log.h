// The access log of a LOCAL KMS: DIR/access.log, and the older half DIR/access.log.1.
//
// One line an entry (messages/log_entry.h), appended under the exclusive lock DIR/access.log.lock.
// At 64 MiB the file becomes access.log.1 in place of the one before, so both together are bounded.
// A line torn by a crash is closed by the next append and passed over by the reader. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "io/file_system.h"
#include "kms/local/messages/log_entry.h"

namespace keyhold::kms::local {

inline constexpr std::uint64_t kMaxLogSizeBytes = 64ULL << 20U;

class AccessLog {
 public:
  AccessLog(std::string directory, io::FileSystem& files, const Clock& clock,
            std::uint64_t max_size_bytes = kMaxLogSizeBytes)
      : directory_(std::move(directory)),
        files_(&files),
        clock_(&clock),
        max_size_bytes_(max_size_bytes) {}

  // The entry is in the file (and with `durable`, on the disk) when this returns.
  Status append(const AccessLogEntry& entry, bool durable, Deadline deadline);

  // The last `limit` entries, oldest first.
  keyhold::Result<std::vector<AccessLogEntry>> tail(std::size_t limit, Deadline deadline) const;

 private:
  [[nodiscard]] std::string inside(std::string_view name) const;
  Status append_line(std::string line, bool durable);
  keyhold::Result<std::unique_ptr<io::File>> open_for(std::size_t line_size_bytes);

  std::string directory_;
  io::FileSystem* files_;
  const Clock* clock_;
  std::uint64_t max_size_bytes_;
};

}  // namespace keyhold::kms::local
