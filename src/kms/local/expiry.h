// The end of a key whose deletion date has come.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/random.h"
#include "kms/local/access_log.h"
#include "kms/local/directory.h"

namespace keyhold::kms::local {

// A new entry with time, a random request id and this process's id.
AccessLogEntry stamped_entry(const Clock& clock, crypto::Random& random, std::string_view operation,
                             const std::string& key);

// Wipes the material of `name` if its date has come, and logs it; else, and where the key's file
// cannot be read, does nothing. REQUIRES: directory.hold().
Status destroy_if_due(Directory& directory, AccessLog& log, const std::string& name,
                      const Clock& clock, crypto::Random& random, Deadline deadline);

}  // namespace keyhold::kms::local
