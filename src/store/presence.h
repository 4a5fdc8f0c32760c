// Which processes may change names of a store: each holds a shared lock on one file, and who swaps
// files where that is not settled by an engine's own lock takes it exclusively.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace keyhold::store {

// Thread-safe.
class Presence final : public NameGuard {
 public:
  // Present: this process changes names from now on. Waits a little for a swap of another process.
  static Result<std::unique_ptr<Presence>> join(io::FileSystem& files, const std::string& path);
  // Only watches: for a process that re-encrypts and has no engine.
  static std::unique_ptr<Presence> watch(io::FileSystem& files, const std::string& path);

  Status alone(const std::function<Status()>& swap) override;

  // In a forked child, which has no engine: takes no lock.
  void leave_in_child() { share_.reset(); }

 private:
  Presence(io::FileSystem& files, std::string path, bool present)
      : files_(files), path_(std::move(path)), present_(present) {}
  Status share();

  io::FileSystem& files_;
  const std::string path_;
  const bool present_;
  std::unique_ptr<io::FileLock> share_;
};

}  // namespace keyhold::store
