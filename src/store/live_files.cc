#include "store/live_files.h"

namespace keyhold::store {

std::shared_ptr<LiveFile> LiveFiles::add(const io::FileInfo& file, std::uint64_t size_bytes,
                                         Generation oldest) {
  auto live = std::make_shared<LiveFile>();
  live->size_bytes = size_bytes;
  live->oldest = oldest;
  const std::lock_guard lock(mutex_);
  std::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
  files_[{file.device, file.inode}] = live;
  return live;
}

std::shared_ptr<LiveFile> LiveFiles::find(const io::FileInfo& file) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find({file.device, file.inode});
  return found == files_.end() ? nullptr : found->second.lock();
}

std::optional<std::uint64_t> LiveFiles::size_of(const io::FileInfo& file) {
  const auto live = find(file);
  if (!live) return std::nullopt;
  return live->size_bytes.load(std::memory_order_acquire);
}

bool LiveFiles::has_writer(const io::FileInfo& file) {
  const auto live = find(file);
  return live && !live->closed;
}

std::vector<LiveFiles::Written> LiveFiles::written() {
  const std::lock_guard lock(mutex_);
  std::vector<Written> found;
  for (const auto& [file, weak] : files_) {
    const auto live = weak.lock();
    if (live && !live->closed) found.push_back({file, live->oldest});
  }
  return found;
}

void LiveFiles::retire(const io::FileInfo& file) {
  const auto live = find(file);
  if (!live) return;
  const std::lock_guard lock(live->mutex);
  live->retired = true;
}

}  // namespace keyhold::store
