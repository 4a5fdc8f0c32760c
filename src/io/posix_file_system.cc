#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <set>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "io/posix_file.h"

namespace keyhold::io {
namespace {

// Somebody may have put a FIFO where a file was: its open would wait for the other end. So would
// that of a file whose lease somebody holds, but not for long, and for good reason.
int open_without_waiting(const std::string& path, int flags, mode_t mode) {
  const auto open_with = [&](int more) {
    return above_standard_streams(
        without_eintr([&] { return ::open(path.c_str(), flags | more, mode); }));
  };
  const int fd = open_with(O_NONBLOCK);
  return fd < 0 && errno == EWOULDBLOCK ? open_with(0) : fd;
}

Result<Descriptor> open_descriptor(const std::string& path, int flags, mode_t mode) {
  Descriptor opened(open_without_waiting(path, flags | O_CLOEXEC | O_NOCTTY, mode));
  if (opened.get() < 0 && errno != ENXIO) return fail_path(errno, "open", path);
  struct stat raw {};  // ENXIO: a socket, or a device that is not there
  if (opened.get() >= 0 && ::fstat(opened.get(), &raw) != 0) return fail_path(errno, "fstat", path);
  if (S_ISREG(raw.st_mode) || S_ISDIR(raw.st_mode)) return opened;
  return fail(Code::integrity, "open " + path + ": neither a file nor a directory");
}

int access_flags(const OpenOptions& options) {
  return options.access == OpenOptions::Access::read ? O_RDONLY : O_RDWR;
}

int create_flags(const OpenOptions& options) {
  return options.create == OpenOptions::Create::exclusive ? O_CREAT | O_EXCL : 0;
}

// The same open file once more, with O_DIRECT; -1 where its file system refuses that. Asking for
// O_DIRECT at the first open would leave a new file behind at each refusal.
Descriptor reopen_direct(const Descriptor& plain, const OpenOptions& options) {
  const std::string self = "/proc/self/fd/" + std::to_string(plain.get());
  const int flags = access_flags(options) | O_DIRECT | O_CLOEXEC;
  return Descriptor(
      above_standard_streams(without_eintr([&] { return ::open(self.c_str(), flags); })));
}

// A fork without exec copies the descriptor of a lock, which would outlive its holder in the child.
// So a child gives up its share of every lock.
class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(descriptor.release()) {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    known.held.insert(this);
  }
  ~PosixLock() override {
    Registry& known = registry();
    const std::lock_guard guard(known.mutex);
    known.held.erase(this);
    give_back();
  }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

  // REQUIRES: before whoever else hooks into forks and lets go of a lock there. Handlers in a child
  // run in the order of their registration, and until ours has run no lock can be destroyed.
  static bool watch_forks() {
    registry();
    return true;
  }

 private:
  struct Registry {
    std::mutex mutex;  // held over a fork
    std::set<PosixLock*> held;
  };

  // Never destroyed: locks in static objects may outlive everything.
  static Registry& registry() {
    static auto* const made = [] {
      auto* const known = new Registry;
      ::pthread_atfork([] { registry().mutex.lock(); }, [] { registry().mutex.unlock(); },
                       &PosixLock::after_fork_in_child);
      return known;
    }();
    return *made;
  }
  static void after_fork_in_child() {
    for (PosixLock* lock : registry().held) lock->give_back();
    registry().mutex.unlock();
  }

  void give_back() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  int descriptor_;
};

const bool forks_watched = PosixLock::watch_forks();  // before main(), or when the plugin is loaded

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<std::vector<std::string>> read_names(DIR* directory, const std::string& path) {
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr && errno != 0) return fail_path(errno, "readdir", path);
    if (entry == nullptr) return names;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

Status outcome_of(int outcome, std::string_view operation, const std::string& path) {
  if (outcome != 0) return fail_path(errno, operation, path);
  return {};
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, const OpenOptions& options) override {
    const int flags = access_flags(options) | create_flags(options);
    KEYHOLD_TRY_ASSIGN(Descriptor plain, open_descriptor(path, flags, options.mode));
    if (options.direct) {
      Descriptor direct = reopen_direct(plain, options);
      if (direct.get() >= 0) return std::make_unique<PosixFile>(std::move(direct), path, true);
    }
    return std::make_unique<PosixFile>(std::move(plain), path, false);
  }

  Result<FileInfo> info(const std::string& path) override {
    struct stat raw {};
    if (::stat(path.c_str(), &raw) != 0) return fail_path(errno, "stat", path);
    return info_of(raw);
  }

  Result<FileInfo> entry(const std::string& path) override {
    struct stat raw {};
    if (::lstat(path.c_str(), &raw) != 0) return fail_path(errno, "lstat", path);
    return info_of(raw);
  }

  Status rename(const std::string& from, const std::string& to) override {
    return outcome_of(::rename(from.c_str(), to.c_str()), "rename", from + " to " + to);
  }

  Status link(const std::string& from, const std::string& to) override {
    return outcome_of(::link(from.c_str(), to.c_str()), "link", from + " to " + to);
  }

  Status copy_attributes(const std::string& from, const std::string& to) override {
    struct stat raw {};
    struct stat present {};
    if (::stat(from.c_str(), &raw) != 0) return fail_path(errno, "stat", from);
    if (::stat(to.c_str(), &present) != 0) return fail_path(errno, "stat", to);
    const bool same_owner = raw.st_uid == present.st_uid && raw.st_gid == present.st_gid;
    // Before the mode, of which a change of owner takes bits away.
    if (!same_owner) {
      KEYHOLD_TRY(outcome_of(::chown(to.c_str(), raw.st_uid, raw.st_gid), "chown", to));
    }
    KEYHOLD_TRY(outcome_of(::chmod(to.c_str(), raw.st_mode & 07777U), "chmod", to));
    const std::array<struct timespec, 2> times = {raw.st_atim, raw.st_mtim};
    return outcome_of(::utimensat(AT_FDCWD, to.c_str(), times.data(), 0), "utimensat", to);
  }

  Status remove(const std::string& path) override {
    return outcome_of(::unlink(path.c_str()), "unlink", path);
  }

  Status make_directory(const std::string& path, std::uint32_t mode) override {
    return outcome_of(::mkdir(path.c_str(), mode), "mkdir", path);
  }

  Status remove_directory(const std::string& path) override {
    return outcome_of(::rmdir(path.c_str()), "rmdir", path);
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    const std::unique_ptr<DIR, DirectoryCloser> directory(::opendir(path.c_str()));
    if (!directory) return fail_path(errno, "opendir", path);
    KEYHOLD_TRY_ASSIGN(std::vector<std::string> names, read_names(directory.get(), path));
    std::ranges::sort(names);
    return names;
  }

  Status sync_directory(const std::string& path) override {
    KEYHOLD_TRY_ASSIGN(const Descriptor directory,
                       open_descriptor(path, O_RDONLY | O_DIRECTORY, 0));
    const int outcome = without_eintr([&] { return ::fsync(directory.get()); });
    // EINVAL: a file system that has no such call for directories (some network mounts).
    if (outcome != 0 && errno != EINVAL) return fail_path(errno, "fsync", path);
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path, bool shared) override {
    // NFS turns flock into fcntl locks, where an exclusive one needs a writable descriptor.
    const int flags = O_CREAT | (shared ? O_RDONLY : O_RDWR);
    KEYHOLD_TRY_ASSIGN(Descriptor descriptor, open_descriptor(path, flags, 0600));
    const int operation = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    if (without_eintr([&] { return ::flock(descriptor.get(), operation); }) != 0) {
      if (errno == EWOULDBLOCK) return fail(Code::busy, "lock " + path + ": somebody holds it");
      return fail_path(errno, "lock", path);
    }
    return std::make_unique<PosixLock>(std::move(descriptor));
  }

  Result<SpaceInfo> space(const std::string& path) override {
    struct statvfs raw {};
    if (::statvfs(path.c_str(), &raw) != 0) return fail_path(errno, "statvfs", path);
    return SpaceInfo{.free_bytes = raw.f_bavail * raw.f_frsize,
                     .total_bytes = raw.f_blocks * raw.f_frsize};
  }
};

}  // namespace

// Never destroyed: an engine's threads may still run while the process exits.
FileSystem& posix_file_system() {
  static auto* const files = new PosixFileSystem;
  return *files;
}

}  // namespace keyhold::io
