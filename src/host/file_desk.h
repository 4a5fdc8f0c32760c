// The host's desk for file work: the wish, and what the working processes last said.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "host/file_work.h"

namespace keyhold::host {

// Thread-safe.
class FileDesk {
 public:
  // A process that was silent for so long is gone, or sealed itself, or stands still: what it has
  // open is no news any more, but no shredding passes it over unless it is gone.
  static constexpr std::chrono::seconds kSilence{10};
  static constexpr std::chrono::seconds kPatience{15};

  FileDesk(io::FileSystem& files, const Clock& clock, const StoreLayout& layout);

  // What an earlier host wanted.
  Status load();
  [[nodiscard]] FileWish wish() const;
  Status want(const FileWish& wish);

  // Answers a report. `nothing_left` where every process now says so.
  struct Answer {
    FileWish wish;
    bool nothing_left = false;
  };
  Answer take(FileReport report);

  // Of the processes heard of lately.
  [[nodiscard]] std::vector<store::OpenFileNote> open_files() const;
  [[nodiscard]] std::vector<FileWorkerInfo> workers() const;

  // Returns when every process that works on the store has reported since the call, and uses
  // `current` for new files. Code::busy, naming one, where that takes too long, or where one is
  // silent that is not known to be gone. Where no engine has the store, at once.
  Status hear_from_all(Generation current, std::chrono::milliseconds patience = kPatience);
  // Ends such waits, for good.
  void close();

 private:
  struct Heard {
    FileReport report;
    BootTime at;
    bool held_lock = false;  // seen among the holders of the engines' lock
  };
  [[nodiscard]] bool is_silent(const Heard& heard) const;
  using Holders = std::map<std::int64_t, std::size_t>;  // locks by process
  Holders look_at_holders();
  [[nodiscard]] std::string missing(BootTime since, Generation current, Holders holders) const;

  io::FileSystem& files_;
  const Clock& clock_;
  const FileWorkPaths paths_;
  const BootTime born_;
  mutable std::mutex mutex_;
  std::condition_variable reported_;
  bool closed_ = false;
  FileWish wish_;
  std::map<std::uint64_t, Heard> heard_;
};

}  // namespace keyhold::host
