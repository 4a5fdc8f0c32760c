// Brings a store's append-mode files under the current DEK generation, while engines use them
// (docs/adr/2026-11-24-reencryption.md).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/coverage.h"
#include "store/rewrite.h"
#include "store/store.h"

namespace keyhold::store {

struct ReencryptOptions {
  Pace pace;                    // empty: as fast as it goes
  NameGuard* others = nullptr;  // null: no other process has the store
  // Told of each file that is done, by its bytes on disk. May be empty.
  std::function<void(std::uint64_t physical_bytes)> progress;
  std::string lock_path;  // keeps other re-encryptors out; empty: there are none
};

struct ReencryptReport {
  FileCount done;
  // Files that went before it came to their end: renamed, perhaps, where a next pass finds them.
  std::uint64_t gone = 0;
  std::vector<PendingFile> pending;  // what it met and could not bring over now
};

// One pass: every file that needs a generation before `target` and has no writer is written again
// and swapped in. Files of later generations are not touched, so a pass after a crash goes on where
// the last one ended. Deletes leftovers first. REQUIRES: the current generation is `target` or
// later.
//
// Ends early, with everything so far done for good: Code::sealed at a seal, what `pace` says,
// Code::no_space, Code::busy where another process re-encrypts. A damaged file is left as it is and
// reported.
Result<ReencryptReport> reencrypt(Store& store, Generation target, const ReencryptOptions& options);

}  // namespace keyhold::store
