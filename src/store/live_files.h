// The sizes of logs that this process is writing: their logical size is in no one place on disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "io/file_system.h"

namespace keyhold::store {

// Thread-safe.
class LiveFiles {
 public:
  using Size = std::atomic<std::uint64_t>;

  // The counter lives as long as the writer keeps it.
  std::shared_ptr<Size> add(const io::FileInfo& file, std::uint64_t size_bytes);
  std::optional<std::uint64_t> find(const io::FileInfo& file);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<Size>>
      sizes_;  // by device and inode
};

}  // namespace keyhold::store
