// The lock that makes a process the host of a store.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "host/layout.h"
#include "io/file_system.h"

namespace keyhold::host {

// Who holds or last held the lock, as the lock file's text says; for messages only.
struct LockOwner {
  std::int64_t pid = 0;
  std::string program;
};

// "process 1234 (db_bench)", or "another process" where the text says nothing.
std::string describe(const std::optional<LockOwner>& owner);

std::optional<LockOwner> read_lock_owner(io::FileSystem& files, const StoreLayout& layout);

// Held until destroyed or the process ends, however it ends. A forked child must give up its share
// (fork_watch.h), else the lock outlives the host.
class StoreLock {
 public:
  // Code::busy where somebody holds it, with the owner in the message; Code::not_found where there
  // is no store.
  static Result<std::unique_ptr<StoreLock>> take(io::FileSystem& files, const StoreLayout& layout,
                                                 const std::string& program);

 private:
  explicit StoreLock(std::unique_ptr<io::FileLock> lock) : lock_(std::move(lock)) {}
  std::unique_ptr<io::FileLock> lock_;
};

}  // namespace keyhold::host
