#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file_system_conformance.h"
#include "io/posix_file.h"

namespace keyhold::io {
namespace {

// A new directory that goes with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    path_ = (std::filesystem::temp_directory_path() / "keyhold-io-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Posix {
 public:
  static FileSystem& files() { return posix_file_system(); }
  std::string root() { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Posix, FileSystemConformance, Posix);

TEST(PosixFileSystem, ErrorsNameOperationPathAndReason) {
  const auto opened = posix_file_system().open("/nowhere/at/all", {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message(), "open /nowhere/at/all: No such file or directory");
}

TEST(PosixFileSystem, WhatIsNoFileIsRefusedAtOnce) {
  const TemporaryDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  const std::string link = directory.path() + "/link";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/dev/null", link.c_str()), 0);
  FileSystem& files = posix_file_system();
  for (const std::string& path : {fifo, link}) {
    for (const auto access : {OpenOptions::Access::read, OpenOptions::Access::read_write}) {
      const auto opened = files.open(path, {.access = access});
      ASSERT_FALSE(opened) << path;
      EXPECT_EQ(opened.error().code(), Code::integrity);
      EXPECT_EQ(opened.error().message(), "open " + path + ": neither a file nor a directory");
    }
    EXPECT_EQ(files.lock(path, true).error().code(), Code::integrity);
  }
}

TEST(PosixFileSystem, EntryIsTheNameAndInfoWhatItLeadsTo) {
  const TemporaryDirectory directory;
  const std::string link = directory.path() + "/link";
  ASSERT_EQ(::symlink(directory.path().c_str(), link.c_str()), 0);
  FileSystem& files = posix_file_system();
  EXPECT_EQ(files.entry(link)->type, FileInfo::Type::symbolic_link);
  EXPECT_EQ(files.info(link)->type, FileInfo::Type::directory);
  EXPECT_EQ(files.entry(directory.path())->type, FileInfo::Type::directory);
  EXPECT_EQ(files.entry(link + "s").error().code(), Code::not_found);
}

// The lease of a reader (keyhold store verify takes one for a moment) is waited for, not told.
TEST(PosixFileSystem, CopiesModeAndTimes) {
  const TemporaryDirectory directory;
  const std::string from = directory.path() + "/from";
  const std::string to = directory.path() + "/to";
  for (const std::string& path : {from, to}) {
    ASSERT_TRUE(posix_file_system().open(path, kCreate));
  }
  ASSERT_EQ(::chmod(from.c_str(), 0640), 0);
  const std::array<struct timespec, 2> times = {timespec{.tv_sec = 1000, .tv_nsec = 1},
                                                timespec{.tv_sec = 2000, .tv_nsec = 2}};
  ASSERT_EQ(::utimensat(AT_FDCWD, from.c_str(), times.data(), 0), 0);
  ASSERT_TRUE(posix_file_system().copy_attributes(from, to));
  struct stat raw {};
  ASSERT_EQ(::stat(to.c_str(), &raw), 0);
  EXPECT_EQ(raw.st_mode & 07777U, 0640U);
  EXPECT_EQ(raw.st_atim.tv_sec, 1000);
  EXPECT_EQ(raw.st_mtim.tv_sec, 2000);
  EXPECT_EQ(raw.st_mtim.tv_nsec, 2);
  EXPECT_EQ(code_of(posix_file_system().copy_attributes(from, to + "-missing")), Code::not_found);
}

TEST(PosixFileSystem, OpensAFileWhoseLeaseSomebodyGivesUp) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  ASSERT_TRUE(replace_file(posix_file_system(), path, as_bytes("x")));
  const Descriptor held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (::fcntl(held.get(), F_SETLEASE, F_RDLCK) != 0) GTEST_SKIP() << "no leases on this disk";
  std::signal(SIGIO, [](int) {});
  std::thread holder([&] {
    while (::fcntl(held.get(), F_GETLEASE) == F_RDLCK) std::this_thread::yield();  // until asked
    ::fcntl(held.get(), F_SETLEASE, F_UNLCK);
  });
  const auto opened = posix_file_system().open(path, {.access = OpenOptions::Access::read_write});
  holder.join();
  std::signal(SIGIO, SIG_DFL);
  EXPECT_TRUE(opened) << opened.error().message();
}

TEST(PosixFileSystem, DirectIsDroppedWhereTheFileSystemRefusesIt) {
  // procfs has no direct I/O.
  const auto file = posix_file_system().open("/proc/self/status", {.direct = true});
  ASSERT_TRUE(file) << file.error().message();
  ByteVector out(3);
  EXPECT_EQ((*file)->read_at(1, out).value(), 3U);
  EXPECT_EQ(as_text(out), "ame");
}

TEST(PosixFileSystem, AFullDeviceIsNoSpace) {
  Descriptor full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  ASSERT_GE(full.get(), 0);
  const auto written = PosixFile(std::move(full), "/dev/full", false).write_at(0, as_bytes("x"));
  EXPECT_EQ(code_of(written), Code::no_space);
  EXPECT_EQ(message_of(written), "pwrite /dev/full: No space left on device");
}

TEST(PosixFileSystem, WriteLargerThanTheFileLimitLeavesThePrefixAndFails) {
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "a");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto file = posix_file_system().open(path, kCreate);
    const bool failed = file && !(*file)->write_at(0, ByteVector(3000, 7));
    ::_exit(failed ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(posix_file_system().info(path).value().size_bytes, 1000U);
}

// In a child with its standard streams closed, whose next open() would get their numbers.
int run_without_streams(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int stream : {0, 1, 2}) ::close(stream);
    const bool good = work();
    bool closed = true;
    for (const int stream : {0, 1, 2}) closed = closed && ::fcntl(stream, F_GETFD) == -1;
    ::_exit(good && closed ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(PosixFileSystem, NoFileEverStandsInForAClosedStandardStream) {
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "a");
  EXPECT_EQ(run_without_streams([&] {
              const auto lock = posix_file_system().lock(join_path(directory.path(), "lock"));
              const auto file = posix_file_system().open(path, kCreate);
              const auto direct = posix_file_system().open(path, {.direct = true});
              const bool printed = ::write(STDOUT_FILENO, "secret", 6) > 0;
              const auto other = posix_file_system().lock(join_path(directory.path(), "lock"));
              return lock && file && direct && !printed && !other &&
                     posix_file_system().sync_directory(directory.path());
            }),
            0);
  EXPECT_EQ(posix_file_system().info(path).value().size_bytes, 0U);
}

TEST(PosixFileSystem, AForkedChildKeepsNoLockOfItsParents) {
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "lock");
  auto lock = posix_file_system().lock(path);
  ASSERT_TRUE(lock);
  std::array<int, 2> finish{};
  ASSERT_EQ(::pipe2(finish.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(finish[1]);
    char byte = 0;
    static_cast<void>(!::read(finish[0], &byte, 1));
    lock->reset();  // neither waits nor closes a second time
    ::_exit(0);
  }
  ::close(finish[0]);
  lock->reset();
  // The child may be on its way out of fork().
  bool again = false;
  for (int i = 0; i < 1000 && !again; ++i) {
    again = posix_file_system().lock(path).has_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // bounded poll
  }
  EXPECT_TRUE(again);
  ::close(finish[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(PosixFileSystem, ALockKeepsAnotherProcessOutUntilItsHolderEnds) {
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "lock");
  std::array<int, 2> ready{};
  std::array<int, 2> finish{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(finish.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(finish[1]);
    const auto held = posix_file_system().lock(path);
    char byte = held ? 'y' : 'n';
    static_cast<void>(!::write(ready[1], &byte, 1));
    static_cast<void>(!::read(finish[0], &byte, 1));
    ::_exit(0);
  }
  ::close(finish[0]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(code_of(posix_file_system().lock(path)), Code::busy);
  ::close(finish[1]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(posix_file_system().lock(path));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(PosixFileSystem, DescriptorsAreNotInherited) {
  const TemporaryDirectory directory;
  const auto file = posix_file_system().open(join_path(directory.path(), "a"), kCreate);
  ASSERT_TRUE(file);
  const FileInfo info = (*file)->info().value();
  int found = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    struct stat raw {};
    if (::fstat(fd, &raw) != 0 || raw.st_ino != info.inode || raw.st_dev != info.device) continue;
    ++found;
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
}

// A pipe cannot be synced; then a real file takes its place under the same descriptor.
TEST(PosixFile, AFailedSyncFailsForGood) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Descriptor other_end(pipe[1]);
  PosixFile file(Descriptor(pipe[0]), "/a", false);
  EXPECT_EQ(message_of(file.sync_data()), "fdatasync /a: Invalid argument");
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "a");
  const Descriptor real(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::dup2(real.get(), pipe[0]), pipe[0]);
  ASSERT_TRUE(file.write_at(0, as_bytes("x")));
  EXPECT_EQ(message_of(file.sync_all()), "fsync /a: Invalid argument");
  EXPECT_EQ(message_of(file.sync_data()), "fdatasync /a: Invalid argument");
}

TEST(PosixFile, AFailedWaitForARangeFailsEverySyncAfterIt) {
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "a");
  const Descriptor real(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const int fd = ::open("/", O_PATH | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  PosixFile ranged(Descriptor(fd), "/a", false);
  EXPECT_EQ(message_of(ranged.sync_range(0, 0, true)), "sync_file_range /a: Bad file descriptor");
  ASSERT_EQ(::dup2(real.get(), fd), fd);
  EXPECT_EQ(message_of(ranged.sync_data()), "fdatasync /a: Bad file descriptor");
  EXPECT_EQ(message_of(ranged.sync_range(0, 0, true)), "sync_file_range /a: Bad file descriptor");
}

TEST(PosixFileSystem, CreationUsesTheMode) {
  const TemporaryDirectory directory;
  const std::string path = join_path(directory.path(), "a");
  ASSERT_TRUE(replace_file(posix_file_system(), path, as_bytes("x"), 0400));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_read);
}

TEST(Path, ParentOfAndJoin) {
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
  EXPECT_EQ(join_path("/", "b"), "/b");
}

}  // namespace
}  // namespace keyhold::io
