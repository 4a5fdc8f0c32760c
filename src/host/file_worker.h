// The thread that works on a store's files in the process that has them open: reports to the host
// what is open, hears what is wanted, and re-encrypts.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "host/file_work.h"
#include "host/fork_watch.h"
#include "host/store_keys.h"
#include "store/pacer.h"
#include "store/presence.h"
#include "store/store.h"

namespace keyhold::host {

// Sleeps but for one report a second. In a forked child it is dead, and its destructor does
// nothing.
class FileWorker {
 public:
  // All outlive the worker. `present`: this process changes names (an engine); else it only
  // re-encrypts what no engine has. Code::busy where a swap of another process takes too long.
  static Result<std::unique_ptr<FileWorker>> start(StoreKeys& keys, store::Store& store,
                                                   const Clock& clock, bool present);
  FileWorker(const FileWorker&) = delete;
  FileWorker& operator=(const FileWorker&) = delete;
  // Ends a pass under way at its next piece.
  ~FileWorker();

 private:
  FileWorker(StoreKeys& keys, store::Store& store, const Clock& clock,
             std::unique_ptr<store::Presence> presence);
  void report_until_stopped();
  void work_until_stopped();
  FileReport make_report();
  void take(const FileWish& wish);
  // True where the next one may find more at once.
  bool pass(const FileWish& wish);

  StoreKeys& keys_;
  store::Store& store_;
  const FileWorkPaths paths_;
  const std::unique_ptr<store::Presence> presence_;
  const std::uint64_t process_;
  store::Pacer pacer_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  FileWish wish_;
  Generation clean_{};
  std::string problem_;
  int idle_passes_ = 0;  // one after the other

  std::atomic<bool> forked_ = false;
  std::thread reporter_;
  std::thread worker_;
  ForkWatch fork_watch_;
};

}  // namespace keyhold::host
