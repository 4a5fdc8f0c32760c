// One entry of a LOCAL KMS's access log: a line of JSON. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace keyhold::kms {

struct AccessLogEntry {
  WallTime time;
  std::string request_id;                // what the caller was told
  std::string operation;                 // wrap, unwrap, probe, describe, disable, …
  std::string key;                       // its name
  std::optional<std::uint32_t> version;  // that wrapped or unwrapped; after a rotation the new
  std::string outcome;                   // ok, a fault's name, or an error code's
  std::map<std::string, std::string> context;  // of the wrap
  std::int64_t pid = 0;

  friend bool operator==(const AccessLogEntry&, const AccessLogEntry&) = default;
};

}  // namespace keyhold::kms

namespace keyhold::kms::local {

// Ends with a newline and has no other. The time is cut to milliseconds. REQUIRES: UTF-8.
std::string serialize_log_entry(const AccessLogEntry& entry);
// Code::integrity for a line that is not an entry. Members that it does not know are passed over.
keyhold::Result<AccessLogEntry> parse_log_entry(std::string_view line);

}  // namespace keyhold::kms::local
