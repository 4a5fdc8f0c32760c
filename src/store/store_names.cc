// Names of a store's files, and the swap that re-encryption ends with.
#include <algorithm>
#include <set>
#include <utility>

#include "store/header_block.h"
#include "store/store.h"

namespace keyhold::store {
namespace {

// An engine's lock and the word that its folder is ours. Gone without a mutex: a forked child drops
// its copy.
class FolderLock final : public io::FileLock {
 public:
  FolderLock(std::unique_ptr<io::FileLock> lock, std::shared_ptr<const std::string> folder)
      : lock_(std::move(lock)), folder_(std::move(folder)) {}

 private:
  std::unique_ptr<io::FileLock> lock_;
  std::shared_ptr<const std::string> folder_;
};

bool leads_to(io::FileSystem& files, const std::string& path, const io::FileInfo& file) {
  const auto entry = files.entry(path);
  return entry && key_of(*entry) == key_of(file);
}

}  // namespace

Status Store::rename(const std::string& from, const std::string& to) {
  const std::shared_lock names(names_);
  return files_.rename(from, to);
}

Status Store::link(const std::string& from, const std::string& to) {
  const std::shared_lock names(names_);
  return files_.link(from, to);
}

Status Store::remove(const std::string& path) {
  const std::shared_lock names(names_);
  return files_.remove(path);
}

Status Store::remove_directory(const std::string& path) {
  const std::unique_lock names(names_);  // nothing is being created
  for (;;) {
    const Status outcome = files_.remove_directory(path);
    if (outcome || outcome.error().code() != Code::already_exists) return outcome;
    KEYHOLD_TRY_ASSIGN(const auto children, files_.list(path));
    for (const std::string& child : children) {
      if (!child.starts_with(kTemporaryPrefix)) return outcome;
    }
    for (const std::string& child : children) {
      const Status removed = files_.remove(io::join_path(path, child));
      if (!removed && removed.error().code() != Code::not_found) return removed;
    }
  }
}

void Store::settle_names() {
  const std::unique_lock names(names_);
}

Result<std::unique_ptr<io::FileLock>> Store::lock(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(auto held, files_.lock(path));
  auto folder = std::make_shared<const std::string>(io::parent_path(path));
  const std::lock_guard lock(folders_mutex_);
  std::erase_if(folders_, [](const auto& known) { return known.expired(); });
  folders_.push_back(folder);
  return std::make_unique<FolderLock>(std::move(held), std::move(folder));
}

// The nearest lock file above decides.
bool Store::has_folder_of(const std::string& path) {
  const std::lock_guard lock(folders_mutex_);
  for (std::string folder = io::parent_path(path);; folder = io::parent_path(folder)) {
    for (const auto& known : folders_) {
      const auto held = known.lock();
      if (held && *held == folder) return true;
    }
    const auto other = io::exists(files_, io::join_path(folder, kLockFileName));
    if (!other || *other || folder == root_ || folder == "/") return false;
  }
}

Status Store::check_unchanged(const std::string& path, const Rewritten& made) {
  KEYHOLD_TRY_ASSIGN(const auto file, files_.open(path, {}));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  KEYHOLD_TRY_ASSIGN(const HeaderBlock header, HeaderBlock::load(*file, keys_, path));
  const bool same = key_of(info) == key_of(made.source) &&
                    info.size_bytes == made.source.size_bytes && header.slot() == made.source_slot;
  if (same) return {};
  return fail(Code::busy, path + ": changed while it was written again");
}

// One rename each; the file under construction goes with the last.
Status Store::rename_over(const std::vector<std::string>& names, Rewritten& made) {
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    const std::string more = io::join_path(
        io::parent_path(names[i]),
        std::string(kTemporaryPrefix) + made.source_slot.file_id.hex() + "-" + std::to_string(i));
    Status renamed = files_.link(made.construction.path(), more);
    if (renamed) renamed = files_.rename(more, names[i]);
    if (!renamed) {
      static_cast<void>(files_.remove(more));
      return renamed;
    }
  }
  KEYHOLD_TRY(files_.rename(made.construction.path(), names.back()));
  made.construction.keep();
  return {};
}

Status Store::replace(std::vector<std::string> names, Rewritten made, NameGuard* others) {
  std::unique_lock lock(names_);
  std::erase_if(names,
                [&](const std::string& name) { return !leads_to(files_, name, made.source); });
  if (names.empty()) return fail(Code::not_found, "the file is gone");
  if (live_.has_writer(made.source)) return fail(Code::busy, names.front() + ": being written");
  const auto swap = [&]() -> Status {
    KEYHOLD_TRY(check_unchanged(names.front(), made));
    return rename_over(names, made);
  };
  const bool ours = others == nullptr || std::ranges::all_of(names, [&](const std::string& name) {
                      return has_folder_of(name);
                    });
  KEYHOLD_TRY(readers_->exchange(
      key_of(made.source), successor(names.front(), made),
      [&] { return ours ? swap() : others->alone(swap); }, [&] { lock.unlock(); }));
  std::set<std::string> folders;
  for (const std::string& name : names) folders.insert(io::parent_path(name));
  for (const std::string& folder : folders) KEYHOLD_TRY(files_.sync_directory(folder));
  return {};
}

}  // namespace keyhold::store
