#include "store/live_files.h"

namespace keyhold::store {

std::shared_ptr<LiveFiles::Size> LiveFiles::add(const io::FileInfo& file,
                                                std::uint64_t size_bytes) {
  auto size = std::make_shared<Size>(size_bytes);
  const std::lock_guard lock(mutex_);
  std::erase_if(sizes_, [](const auto& entry) { return entry.second.expired(); });
  sizes_[{file.device, file.inode}] = size;
  return size;
}

std::optional<std::uint64_t> LiveFiles::find(const io::FileInfo& file) {
  const std::lock_guard lock(mutex_);
  const auto found = sizes_.find({file.device, file.inode});
  if (found == sizes_.end()) return std::nullopt;
  const auto size = found->second.lock();
  if (!size) return std::nullopt;
  return size->load(std::memory_order_acquire);
}

}  // namespace keyhold::store
