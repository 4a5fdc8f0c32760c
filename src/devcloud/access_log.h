// DIR/access.log: one JSON object a line for every request to a service, in the shape of
// CloudTrail's records: eventTime, eventSource, eventName, userIdentity, requestParameters,
// errorCode, requestID …
//
// Written before the answer is given; not synced. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "devcloud/folder.h"

namespace keyhold::devcloud {

class AccessLog {
 public:
  static Result<std::unique_ptr<AccessLog>> open(const Folder& folder);

  // `record` is one JSON object without a line feed.
  Status append(std::string_view record);
  // The last `limit` records, oldest first.
  [[nodiscard]] Result<std::vector<std::string>> tail(std::size_t limit) const;

 private:
  AccessLog(std::unique_ptr<io::File> file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  mutable std::mutex mutex_;
  std::unique_ptr<io::File> file_;
  std::uint64_t size_bytes_;
};

}  // namespace keyhold::devcloud
