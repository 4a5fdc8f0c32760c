// The same file once more, under the current DEK generation and a new salt.
#pragma once

#include <functional>
#include <string>

#include "crypto/random.h"
#include "store/construction.h"
#include "store/key_source.h"

namespace keyhold::store {

// Told of bytes before they are written; waits as long as the rate says. An error ends the work,
// and is its outcome.
using Pace = std::function<Status(std::uint64_t bytes)>;

struct Rewritten {
  Construction construction;  // synced, read back and found to hold the same bytes
  io::FileInfo info;          // of it
  Generation oldest{};        // the generation that it needs
  io::FileInfo source;
  // The header slot in force when the source was read: where that has changed since, what was read
  // is not all of it.
  format::HeaderSlot source_slot;
};

// Same layout, file id, logical bytes, mode, owner and times; a log is closed. Code::integrity
// where the source is damaged, truncated or was never finished.
Result<Rewritten> rewrite(io::FileSystem& files, KeySource& keys, crypto::Random& random,
                          const std::string& path, const Pace& pace);

}  // namespace keyhold::store
