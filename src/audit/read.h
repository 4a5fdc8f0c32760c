// The records of a log, beside a host that writes or without one. Needs no key and no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "audit/segments.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::audit {

// `record` is null where the line is not one. False ends the reading.
using TakeLine = std::function<bool(const Line& line, const Record* record)>;

// Every line from record `first_seq` on, oldest first. A line that has no end yet, at the end of
// the last segment, is left out: its writer is at it, or a crash tore it. Says nothing of the chain
// (verify.h). Code::not_found where there is no log.
Status read_log(io::FileSystem& files, const std::string& directory, std::uint64_t first_seq,
                const TakeLine& take);

// The number of the last record; 0 where there is none.
Result<std::uint64_t> last_record(io::FileSystem& files, const std::string& directory);

}  // namespace keyhold::audit
