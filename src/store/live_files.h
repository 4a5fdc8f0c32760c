// The files that this process is writing: a log's logical size is in no one place on disk, a log
// that gets another writer must be told to the first, and no file is replaced under its writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "io/file_system.h"

namespace keyhold::store {

struct LiveFile {
  std::atomic<std::uint64_t> size_bytes = 0;  // of a log
  Generation oldest{};                        // that its header needs

  // Held while a writer finishes the file, and while it is taken from it.
  std::mutex mutex;
  // The file has another writer: the first one writes nothing more, neither header nor end. RocksDB
  // recycles a log before it closes the writer of its former life.
  std::atomic<bool> retired = false;
  // Its writer has closed it.
  std::atomic<bool> closed = false;
};

// Thread-safe.
class LiveFiles {
 public:
  // Lives as long as the writer keeps it.
  std::shared_ptr<LiveFile> add(const io::FileInfo& file, std::uint64_t size_bytes,
                                Generation oldest);
  std::optional<std::uint64_t> size_of(const io::FileInfo& file);
  // A handle of this process may still write it.
  bool has_writer(const io::FileInfo& file);
  struct Written {
    std::pair<std::uint64_t, std::uint64_t> file;  // device, inode
    Generation oldest{};
  };
  std::vector<Written> written();
  // Takes the file from its writer, if this process has one; returns when that writes no more.
  void retire(const io::FileInfo& file);

 private:
  std::shared_ptr<LiveFile> find(const io::FileInfo& file);

  std::mutex mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<LiveFile>>
      files_;  // by device and inode
};

}  // namespace keyhold::store
