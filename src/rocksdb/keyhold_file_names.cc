// The part of KeyholdFileSystem that deals with names. A file carries all that it needs in its
// header, so these are the file system's own operations, kept inside the store and out of the way
// of re-encryption.
#include <cstdlib>
#include <utility>

#include "host/fork_watch.h"
#include "rocksdb/errors.h"
#include "rocksdb/keyhold_file_system.h"

namespace keyhold::rocks {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::uint32_t kDirectoryMode = 0700;

// A forked child gives up its share, else it would keep the database locked after its parent's end.
class HeldLock final : public rocksdb::FileLock {
 public:
  HeldLock(std::shared_ptr<Volume> volume, std::unique_ptr<io::FileLock> lock)
      : volume_(std::move(volume)), lock_(std::move(lock)) {}

 private:
  std::shared_ptr<Volume> volume_;  // outlives lock_
  std::unique_ptr<io::FileLock> lock_;
  host::ForkWatch fork_watch_{[this] { lock_.reset(); }};
};

bool is_lock_file(std::string_view path, const io::FileInfo& info) {
  return info.size_bytes == 0 && path.substr(path.rfind('/') + 1) == store::kLockFileName;
}

// Where RocksDB asks whether something is there, a missing or unreachable one is NotFound.
IOStatus presence(const Error& error) {
  if (error.code() != Code::not_found && error.code() != Code::permission) {
    return to_io_status(error);
  }
  return IOStatus::NotFound(error.message());
}

template <typename T>
IOStatus store_in(T* result, Result<T> outcome) {
  if (!outcome) return to_io_status(outcome.error());
  *result = *std::move(outcome);
  return IOStatus::OK();
}

}  // namespace

Result<io::FileInfo> KeyholdFileSystem::info_of(const std::string& name) {
  KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
  return volume_->files().info(path);
}

IOStatus KeyholdFileSystem::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  const auto info = info_of(name);
  return info ? IOStatus::OK() : presence(info.error());
}

IOStatus KeyholdFileSystem::GetChildren(const std::string& name, const IOOptions&,
                                        std::vector<std::string>* result, IODebugContext*) {
  result->clear();
  const auto path = volume_->locate(name);
  if (!path) return to_io_status(path.error());
  auto names = volume_->files().list(*path);
  if (!names) return presence(names.error());
  std::erase_if(*names, [&](const std::string& child) { return volume_->hides(*path, child); });
  *result = *std::move(names);
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  const auto path = volume_->locate(name);
  return to_io_status(path ? volume_->store().remove(*path) : fail(path.error()));
}

// RocksDB syncs what is in its folder, but never the folder's own name: without this a power loss
// could take a new database away as a whole.
Status KeyholdFileSystem::create_directory(const std::string& name, bool may_exist) {
  KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
  const Status outcome = volume_->files().make_directory(path, kDirectoryMode);
  if (!outcome && !may_exist) return outcome;
  if (!outcome) {
    const auto info = volume_->files().info(path);
    if (!info || info->type != io::FileInfo::Type::directory) return outcome;
  }
  if (path == volume_->root()) return {};
  return volume_->files().sync_directory(io::parent_path(path));
}

IOStatus KeyholdFileSystem::CreateDir(const std::string& name, const IOOptions&, IODebugContext*) {
  return to_io_status(create_directory(name, false));
}

IOStatus KeyholdFileSystem::CreateDirIfMissing(const std::string& name, const IOOptions&,
                                               IODebugContext*) {
  return to_io_status(create_directory(name, true));
}

Status KeyholdFileSystem::remove_directory(const std::string& name) {
  KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
  return volume_->store().remove_directory(path);
}

IOStatus KeyholdFileSystem::DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) {
  return to_io_status(remove_directory(name));
}

Result<std::uint64_t> KeyholdFileSystem::size_of(const std::string& name) {
  KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, volume_->files().info(path));
  if (info.type == io::FileInfo::Type::directory) return info.size_bytes;
  if (is_lock_file(path, info)) return 0;
  return volume_->store().logical_size(path);
}

IOStatus KeyholdFileSystem::GetFileSize(const std::string& name, const IOOptions&,
                                        std::uint64_t* result, IODebugContext*) {
  *result = 0;
  return store_in(result, size_of(name));
}

IOStatus KeyholdFileSystem::GetFileModificationTime(const std::string& name, const IOOptions&,
                                                    std::uint64_t* result, IODebugContext*) {
  const auto info = info_of(name);
  if (!info) return to_io_status(info.error());
  *result = static_cast<std::uint64_t>(std::chrono::system_clock::to_time_t(info->modified));
  return IOStatus::OK();
}

Status KeyholdFileSystem::rename(const std::string& from, const std::string& to) {
  KEYHOLD_TRY_ASSIGN(const std::string from_path, volume_->locate(from));
  KEYHOLD_TRY_ASSIGN(const std::string to_path, volume_->locate(to));
  return volume_->store().rename(from_path, to_path);
}

IOStatus KeyholdFileSystem::RenameFile(const std::string& from, const std::string& to,
                                       const IOOptions&, IODebugContext*) {
  return to_io_status(rename(from, to));
}

Status KeyholdFileSystem::link(const std::string& from, const std::string& to) {
  KEYHOLD_TRY_ASSIGN(const std::string from_path, volume_->locate(from));
  KEYHOLD_TRY_ASSIGN(const std::string to_path, volume_->locate(to));
  return volume_->store().link(from_path, to_path);
}

IOStatus KeyholdFileSystem::LinkFile(const std::string& from, const std::string& to,
                                     const IOOptions&, IODebugContext*) {
  return to_io_status(link(from, to));
}

IOStatus KeyholdFileSystem::NumFileLinks(const std::string& name, const IOOptions&,
                                         std::uint64_t* result, IODebugContext*) {
  const auto info = info_of(name);
  if (!info) return to_io_status(info.error());
  *result = info->links;
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::AreFilesSame(const std::string& first, const std::string& second,
                                         const IOOptions&, bool* result, IODebugContext*) {
  const auto a = info_of(first);
  if (!a) return to_io_status(a.error());
  const auto b = info_of(second);
  if (!b) return to_io_status(b.error());
  *result = a->device == b->device && a->inode == b->inode;
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::LockFile(const std::string& name, const IOOptions&,
                                     rocksdb::FileLock** result, IODebugContext*) {
  *result = nullptr;
  const auto path = volume_->locate(name);
  if (!path) return to_io_status(path.error());
  auto lock = volume_->store().lock(*path);
  if (!lock && lock.error().code() == Code::busy) {
    return IOStatus::IOError(lock.error().message() +
                             "; this process or another one has the database open");
  }
  if (!lock) return to_io_status(lock.error());
  *result = new HeldLock(volume_, *std::move(lock));
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) {
  delete lock;
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::GetTestDirectory(const IOOptions& options, std::string* result,
                                             IODebugContext* debug) {
  const char* chosen = std::getenv("TEST_TMPDIR");
  *result = io::join_path(volume_->root(), "test");
  if (chosen != nullptr && volume_->locate(chosen)) *result = chosen;
  return CreateDirIfMissing(*result, options, debug);
}

IOStatus KeyholdFileSystem::GetAbsolutePath(const std::string& name, const IOOptions&,
                                            std::string* result, IODebugContext*) {
  return store_in(result, volume_->locate(name));
}

IOStatus KeyholdFileSystem::GetFreeSpace(const std::string& name, const IOOptions&,
                                         std::uint64_t* result, IODebugContext*) {
  const auto path = volume_->locate(name);
  if (!path) return to_io_status(path.error());
  const auto space = volume_->files().space(*path);
  if (!space) return to_io_status(space.error());
  *result = space->free_bytes;
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::IsDirectory(const std::string& name, const IOOptions&, bool* result,
                                        IODebugContext*) {
  const auto info = info_of(name);
  if (!info) return to_io_status(info.error());
  if (result != nullptr) *result = info->type == io::FileInfo::Type::directory;
  return IOStatus::OK();
}

}  // namespace keyhold::rocks
