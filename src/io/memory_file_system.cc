#include "io/memory_file_system.h"

#include <algorithm>
#include <cerrno>

#include "io/memory_disk.h"

namespace keyhold::io {
namespace {

using memory::Disk;
using memory::Inode;
using memory::InodePtr;
using memory::Outcome;
using memory::Volume;

constexpr std::uint64_t kDirectAlignmentBytes = 4096;

bool aligned(std::uint64_t offset, ByteView bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  return (offset | bytes.size() | address) % kDirectAlignmentBytes == 0;
}

class MemoryFile final : public File {
 public:
  // The inode's handle is counted already.
  MemoryFile(std::shared_ptr<Disk> disk, InodePtr inode, std::string path,
             const OpenOptions& options)
      : disk_(std::move(disk)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(options.access == OpenOptions::Access::read_write),
        direct_(options.direct) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() override {
    disk_->with([&](Volume& volume) { drop(volume); });
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override {
    return run("pread", [&](Volume&) -> Outcome<std::size_t> {
      if (direct_ && !aligned(offset, out)) return tl::unexpected(EINVAL);
      const ByteView content = inode_->content;
      if (offset >= content.size()) return 0U;
      const std::size_t size = std::min<std::size_t>(out.size(), content.size() - offset);
      copy_bytes(content.subspan(offset, size), out);
      return size;
    });
  }

  Status write_at(std::uint64_t offset, ByteView data) override {
    return change("pwrite", [&](Volume& volume) -> Outcome<void> {
      if (direct_ && !aligned(offset, data)) return tl::unexpected(EINVAL);
      return volume.write(*inode_, offset, data);
    });
  }

  Status sync_data() override { return sync("fdatasync"); }
  Status sync_all() override { return sync("fsync"); }

  Status sync_range(std::uint64_t /*offset*/, std::uint64_t /*length*/, bool /*wait*/) override {
    return run("sync_file_range", [](Volume&) { return Outcome<void>(); });
  }

  Status truncate(std::uint64_t size_bytes) override {
    return change("ftruncate",
                  [&](Volume& volume) { return volume.truncate(*inode_, size_bytes); });
  }

  Status reserve(std::uint64_t offset, std::uint64_t length) override {
    return change("fallocate",
                  [&](Volume& volume) { return volume.reserve(*inode_, offset, length); });
  }

  Result<FileInfo> info() override {
    return run("fstat", [&](Volume& volume) { return Outcome<FileInfo>(volume.info(*inode_)); });
  }

  void advise(Advice /*advice*/, std::uint64_t /*offset*/, std::uint64_t /*length*/) override {}

  void set_path(const std::string& path) override { path_ = path; }

  Status close() override {
    return disk_->run("close", path_, [&](Volume& volume) -> Outcome<void> {
      drop(volume);
      return {};
    });
  }

 private:
  template <typename Work>
  auto run(std::string_view operation, Work work)
      -> Result<typename std::invoke_result_t<Work, Volume&>::value_type> {
    return disk_->run(operation, path_, [&](Volume& volume) -> decltype(work(volume)) {
      if (!open_) return tl::unexpected(EBADF);
      return work(volume);
    });
  }

  template <typename Work>
  Status change(std::string_view operation, Work work) {
    return run(operation, [&](Volume& volume) -> Outcome<void> {
      if (!writable_) return tl::unexpected(EBADF);
      return work(volume);
    });
  }

  Status sync(std::string_view operation) {
    return run(operation, [&](Volume& volume) -> Outcome<void> {
      volume.sync(*inode_);
      return {};
    });
  }

  void drop(Volume& volume) {
    if (open_) volume.drop_handle(*inode_);
    open_ = false;
  }

  const std::shared_ptr<Disk> disk_;
  const InodePtr inode_;
  std::string path_;
  const bool writable_;
  const bool direct_;
  bool open_ = true;
};

class MemoryLock final : public FileLock {
 public:
  MemoryLock(std::shared_ptr<Disk> disk, InodePtr inode, bool shared)
      : disk_(std::move(disk)), inode_(std::move(inode)), shared_(shared) {}
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;
  ~MemoryLock() override {
    disk_->with([&](Volume& volume) {
      if (shared_) --inode_->shared_locks;
      if (!shared_) inode_->exclusive_lock = false;
      volume.drop_handle(*inode_);
    });
  }

 private:
  const std::shared_ptr<Disk> disk_;
  const InodePtr inode_;
  const bool shared_;
};

Outcome<InodePtr> find_file(const Volume& volume, std::string_view path) {
  auto inode = volume.find(path);
  if (inode && (*inode)->type != FileInfo::Type::file) return tl::unexpected(EISDIR);
  return inode;
}

Outcome<InodePtr> find_or_create(Volume& volume, std::string_view path) {
  auto inode = find_file(volume, path);
  if (!inode && inode.error() == ENOENT) return volume.create_file(path);
  return inode;
}

}  // namespace

MemoryFileSystem::MemoryFileSystem(const Clock& clock)
    : disk_(std::make_shared<Disk>(std::make_unique<Volume>(clock))) {}

MemoryFileSystem::MemoryFileSystem(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

MemoryFileSystem::~MemoryFileSystem() = default;

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::crash(CrashPolicy policy, std::uint64_t seed) {
  auto disk = std::make_shared<Disk>(disk_->image(policy, seed, true));
  return std::unique_ptr<MemoryFileSystem>(new MemoryFileSystem(std::move(disk)));
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::crash_image(CrashPolicy policy,
                                                                std::uint64_t seed) const {
  auto disk = std::make_shared<Disk>(disk_->image(policy, seed, false));
  return std::unique_ptr<MemoryFileSystem>(new MemoryFileSystem(std::move(disk)));
}

void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  disk_->with([&](Volume& volume) { volume.set_capacity(bytes); });
}

Result<ByteVector> MemoryFileSystem::raw(const std::string& path) {
  return disk_->run("read", path, [&](Volume& volume) -> Outcome<ByteVector> {
    KEYHOLD_TRY_ASSIGN(const InodePtr file, find_file(volume, path));
    return file->content;
  });
}

Status MemoryFileSystem::set_raw(const std::string& path, ByteView content) {
  return disk_->run("write", path, [&](Volume& volume) -> Outcome<void> {
    KEYHOLD_TRY_ASSIGN(const InodePtr file, find_file(volume, path));
    return volume.set_raw(*file, content);
  });
}

Status MemoryFileSystem::flip_bit(const std::string& path, std::uint64_t bit) {
  return disk_->run("flip a bit of", path, [&](Volume& volume) -> Outcome<void> {
    KEYHOLD_TRY_ASSIGN(const InodePtr file, find_file(volume, path));
    if (bit / 8 >= file->content.size()) return tl::unexpected(EINVAL);
    ByteVector content = file->content;
    content[bit / 8] = static_cast<std::uint8_t>(content[bit / 8] ^ (1U << (bit % 8)));
    return volume.set_raw(*file, content);
  });
}

Result<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path,
                                                     const OpenOptions& options) {
  return disk_->run("open", path, [&](Volume& volume) -> Outcome<std::unique_ptr<File>> {
    const bool create = options.create == OpenOptions::Create::exclusive;
    KEYHOLD_TRY_ASSIGN(const InodePtr file,
                       create ? volume.create_file(path) : find_file(volume, path));
    volume.add_handle(*file);
    return std::make_unique<MemoryFile>(disk_, file, path, options);
  });
}

Result<FileInfo> MemoryFileSystem::info(const std::string& path) {
  return disk_->run("stat", path, [&](Volume& volume) -> Outcome<FileInfo> {
    KEYHOLD_TRY_ASSIGN(const InodePtr inode, volume.find(path));
    return volume.info(*inode);
  });
}

Status MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  return disk_->run("rename", from + " to " + to,
                    [&](Volume& volume) { return volume.rename(from, to); });
}

Status MemoryFileSystem::link(const std::string& from, const std::string& to) {
  return disk_->run("link", from + " to " + to,
                    [&](Volume& volume) { return volume.link(from, to); });
}

Status MemoryFileSystem::copy_attributes(const std::string& from, const std::string& to) {
  return disk_->run("copy attributes", from + " to " + to, [&](Volume& volume) -> Outcome<void> {
    KEYHOLD_TRY_ASSIGN(const InodePtr source, volume.find(from));
    KEYHOLD_TRY_ASSIGN(const InodePtr target, volume.find(to));
    target->modified = source->modified;
    return {};
  });
}

Status MemoryFileSystem::remove(const std::string& path) {
  return disk_->run("unlink", path, [&](Volume& volume) { return volume.remove(path); });
}

Status MemoryFileSystem::make_directory(const std::string& path, std::uint32_t /*mode*/) {
  return disk_->run("mkdir", path, [&](Volume& volume) { return volume.make_directory(path); });
}

Status MemoryFileSystem::remove_directory(const std::string& path) {
  return disk_->run("rmdir", path, [&](Volume& volume) { return volume.remove_directory(path); });
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& path) {
  return disk_->run("list", path, [&](Volume& volume) { return volume.list(path); });
}

Status MemoryFileSystem::sync_directory(const std::string& path) {
  return disk_->run("fsync", path, [&](Volume& volume) { return volume.sync_directory(path); });
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path, bool shared) {
  return disk_->run("lock", path, [&](Volume& volume) -> Outcome<std::unique_ptr<FileLock>> {
    KEYHOLD_TRY_ASSIGN(const InodePtr file, find_or_create(volume, path));
    if (file->exclusive_lock || (!shared && file->shared_locks > 0)) {
      return tl::unexpected(EWOULDBLOCK);
    }
    if (shared) ++file->shared_locks;
    if (!shared) file->exclusive_lock = true;
    volume.add_handle(*file);
    return std::make_unique<MemoryLock>(disk_, file, shared);
  });
}

Result<SpaceInfo> MemoryFileSystem::space(const std::string& path) {
  return disk_->run("statvfs", path, [&](Volume& volume) -> Outcome<SpaceInfo> {
    KEYHOLD_TRY(volume.find(path));
    return volume.space();
  });
}

}  // namespace keyhold::io
