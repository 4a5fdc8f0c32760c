// What our FileSystem does otherwise than RocksDB's own, or beyond it.
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/options.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileSystemTest : public ::testing::Test {
 protected:
  rocksdb::FileSystem& files() { return *store_.store.file_system; }

  std::unique_ptr<rocksdb::FSWritableFile> create(const std::string& name,
                                                  const FileOptions& options = {}) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const IOStatus status = files().NewWritableFile(name, options, &file, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return file;
  }

  void write(const std::string& name, const std::string& content) {
    const auto file = create(name);
    ASSERT_TRUE(file->Append(content, IOOptions(), nullptr).ok());
    ASSERT_TRUE(file->Sync(IOOptions(), nullptr).ok());
    ASSERT_TRUE(file->Close(IOOptions(), nullptr).ok());
  }

  std::unique_ptr<rocksdb::FSRandomAccessFile> open(const std::string& name,
                                                    const FileOptions& options = {}) {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    const IOStatus status = files().NewRandomAccessFile(name, options, &file, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return file;
  }

  static std::string read(rocksdb::FSRandomAccessFile& file, std::uint64_t offset,
                          std::size_t size) {
    std::string scratch(size, '?');
    Slice result;
    const IOStatus status = file.Read(offset, size, IOOptions(), &result, scratch.data(), nullptr);
    return status.ok() ? result.ToString() : status.ToString();
  }

  std::uint64_t size_of(const std::string& name) {
    std::uint64_t size = 0;
    const IOStatus status = files().GetFileSize(name, IOOptions(), &size, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return size;
  }

  MemoryStore store_;
};

TEST_F(FileSystemTest, PathOutsideTheStoreIsRefusedWithWhatToDo) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  for (const char* path : {"/elsewhere/db/CURRENT", "/store/../etc/x", "/storefront/x"}) {
    const IOStatus status = files().NewWritableFile(path, FileOptions(), &file, nullptr);
    EXPECT_TRUE(status.IsInvalidArgument()) << status.ToString();
    EXPECT_THAT(status.ToString(), HasSubstr("outside the store /store"));
    EXPECT_THAT(status.ToString(), HasSubstr("--db"));
    EXPECT_THAT(status.ToString(), HasSubstr("wal_dir"));
  }
  EXPECT_TRUE(files().CreateDirIfMissing("/elsewhere", IOOptions(), nullptr).IsInvalidArgument());
  EXPECT_TRUE(
      files().RenameFile("/store/a", "/elsewhere/a", IOOptions(), nullptr).IsInvalidArgument());
}

TEST_F(FileSystemTest, KeyholdsOwnNamesAreNeitherListedNorReached) {
  ASSERT_TRUE(store_.files->make_directory("/store/.keyhold", 0700));
  ASSERT_TRUE(store_.files->make_directory("/store/fs", 0700));
  ASSERT_TRUE(io::replace_file(*store_.files, "/store/.keyhold-tmp-0123456789abcdef", {}));
  write("/store/visible", "x");
  std::vector<std::string> names;
  ASSERT_TRUE(files().GetChildren("/store/", IOOptions(), &names, nullptr).ok());
  EXPECT_THAT(names, ElementsAre("visible"));
  EXPECT_TRUE(
      files().FileExists("/store/.keyhold/keyring.a", IOOptions(), nullptr).IsInvalidArgument());
}

TEST_F(FileSystemTest, FolderWithNothingButLeftoversCanBeDeleted) {
  ASSERT_TRUE(files().CreateDir("/store/old", IOOptions(), nullptr).ok());
  write("/store/x", "x");
  ASSERT_TRUE(store_.files->rename("/store/x", "/store/old/.keyhold-tmp-0123456789abcdef"));
  const IOStatus status = files().DeleteDir("/store/old", IOOptions(), nullptr);
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST_F(FileSystemTest, MemoryMapsAreRefusedByTheNameOfTheirOption) {
  FileOptions reads;
  reads.use_mmap_reads = true;
  FileOptions writes;
  writes.use_mmap_writes = true;
  std::unique_ptr<rocksdb::FSRandomAccessFile> readable;
  std::unique_ptr<rocksdb::FSWritableFile> writable;
  const IOStatus a = files().NewRandomAccessFile("/store/x.sst", reads, &readable, nullptr);
  const IOStatus b = files().NewWritableFile("/store/x.sst", writes, &writable, nullptr);
  EXPECT_TRUE(a.IsNotSupported());
  EXPECT_THAT(a.ToString(), HasSubstr("allow_mmap_reads"));
  EXPECT_TRUE(b.IsNotSupported());
  EXPECT_THAT(b.ToString(), HasSubstr("allow_mmap_writes"));
}

TEST_F(FileSystemTest, FilesThatChangeInPlaceAreNotSupported) {
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  EXPECT_TRUE(files().NewRandomRWFile("/store/x", FileOptions(), &file, nullptr).IsNotSupported());
  write("/store/x", "0123456789");
  EXPECT_TRUE(files().Truncate("/store/x", 3, IOOptions(), nullptr).IsNotSupported());
}

TEST_F(FileSystemTest, PositionedAppendAndTruncateOnlyAtTheEnd) {
  const auto file = create("/store/x.log");
  EXPECT_TRUE(file->PositionedAppend("abc", 0, IOOptions(), nullptr).ok());
  EXPECT_TRUE(file->PositionedAppend("def", 3, IOOptions(), nullptr).ok());
  EXPECT_TRUE(file->PositionedAppend("X", 3, IOOptions(), nullptr).IsNotSupported());
  EXPECT_TRUE(file->Truncate(6, IOOptions(), nullptr).ok());
  EXPECT_FALSE(file->Truncate(2, IOOptions(), nullptr).ok());
  EXPECT_EQ(file->GetFileSize(IOOptions(), nullptr), 6U);
}

TEST_F(FileSystemTest, FileThatIsDroppedUnclosedIsThere) {
  create("/store/dropped.sst")->Append("content", IOOptions(), nullptr).PermitUncheckedError();
  EXPECT_EQ(read(*open("/store/dropped.sst"), 0, 20), "content");
}

TEST_F(FileSystemTest, DirectHandlesTakeUnalignedRequests) {
  FileOptions direct;
  direct.use_direct_reads = true;
  direct.use_direct_writes = true;
  const std::string content = std::string(10001, 'a') + "end";
  {
    const auto file = create("/store/direct.sst", direct);
    EXPECT_FALSE(file->use_direct_io());
    ASSERT_TRUE(file->Append(Slice(content.data(), 7777), IOOptions(), nullptr).ok());
    ASSERT_TRUE(
        file->Append(Slice(content.data() + 7777, content.size() - 7777), IOOptions(), nullptr)
            .ok());
    ASSERT_TRUE(file->Sync(IOOptions(), nullptr).ok());
  }
  const auto file = open("/store/direct.sst", direct);
  EXPECT_FALSE(file->use_direct_io());
  EXPECT_EQ(read(*file, 9999, 100), "aaend");
  EXPECT_TRUE(file->Prefetch(0, 4096, IOOptions(), nullptr).IsNotSupported());
  EXPECT_TRUE(open("/store/direct.sst")->Prefetch(0, 4096, IOOptions(), nullptr).IsNotSupported());
}

TEST_F(FileSystemTest, UniqueIdStaysOverRenameLinkAndRestart) {
  const auto id_of = [&](const std::string& name) {
    std::array<char, 32> id{};
    const std::size_t size = open(name)->GetUniqueId(id.data(), id.size());
    return std::string(id.data(), size);
  };
  write("/store/a.sst", "a");
  write("/store/b.sst", "b");
  const std::string id = id_of("/store/a.sst");
  EXPECT_GT(id.size(), 16U);
  EXPECT_LT(id.front(), 0x80);
  EXPECT_NE(id, id_of("/store/b.sst"));
  ASSERT_TRUE(files().LinkFile("/store/a.sst", "/store/c.sst", IOOptions(), nullptr).ok());
  ASSERT_TRUE(files().RenameFile("/store/a.sst", "/store/d.sst", IOOptions(), nullptr).ok());
  EXPECT_EQ(id, id_of("/store/c.sst"));
  EXPECT_EQ(id, id_of("/store/d.sst"));
  std::array<char, 16> small{};
  EXPECT_EQ(open("/store/d.sst")->GetUniqueId(small.data(), small.size()), 0U);
}

TEST_F(FileSystemTest, SealedStoreAnswersRetryableErrors) {
  write("/store/x.sst", "content");
  const auto reader = open("/store/x.sst");
  const auto writer = create("/store/x.log");
  store_.store.keys.guard().seal();
  std::array<char, 10> scratch{};
  Slice result;
  std::vector<std::string> names;
  const std::vector<IOStatus> statuses = {
      reader->Read(0, 7, IOOptions(), &result, scratch.data(), nullptr),
      writer->Append("more", IOOptions(), nullptr),
      files().GetChildren("/store", IOOptions(), &names, nullptr),
      files().RenameFile("/store/x.sst", "/store/y.sst", IOOptions(), nullptr),
      files().DeleteFile("/store/x.sst", IOOptions(), nullptr),
  };
  for (const IOStatus& status : statuses) {
    EXPECT_TRUE(status.IsIOError()) << status.ToString();
    EXPECT_TRUE(status.GetRetryable()) << status.ToString();
    EXPECT_THAT(status.ToString(), HasSubstr("sealed"));
  }
  store_.store.keys.guard().unseal();
  EXPECT_EQ(read(*open("/store/x.sst"), 0, 7), "content");
}

TEST_F(FileSystemTest, FullDiskIsNoSpace) {
  const auto file = create("/store/x.log");
  store_.files->set_capacity(64 << 10);
  IOStatus status;
  for (int i = 0; i < 100 && status.ok(); ++i) {
    status = file->Append(std::string(4096, 'x'), IOOptions(), nullptr);
  }
  EXPECT_TRUE(status.IsNoSpace()) << status.ToString();
  EXPECT_TRUE(status.GetRetryable());
}

TEST_F(FileSystemTest, PlaintextFileInsideTheStoreIsAnErrorNeverContent) {
  const std::string plain(8000, 'p');
  ASSERT_TRUE(io::replace_file(*store_.files, "/store/plain.sst", as_bytes(plain)));
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  const IOStatus status =
      files().NewRandomAccessFile("/store/plain.sst", FileOptions(), &file, nullptr);
  EXPECT_TRUE(status.IsCorruption()) << status.ToString();
  EXPECT_THAT(status.ToString(), HasSubstr("/store/plain.sst"));
}

TEST_F(FileSystemTest, SecondLockSaysWhoMayHoldIt) {
  rocksdb::FileLock* first = nullptr;
  rocksdb::FileLock* second = nullptr;
  ASSERT_TRUE(files().LockFile("/store/LOCK", IOOptions(), &first, nullptr).ok());
  const IOStatus status = files().LockFile("/store/LOCK", IOOptions(), &second, nullptr);
  EXPECT_THAT(status.ToString(), HasSubstr("has the database open"));
  EXPECT_TRUE(files().UnlockFile(first, IOOptions(), nullptr).ok());
}

// A fork without exec copies the lock's descriptor; it must not outlive the database.
TEST(FileSystemLock, AForkedChildDoesNotKeepTheDatabaseLocked) {
  const std::string root = ::testing::TempDir() + "keyhold_lock_" + std::to_string(::getpid());
  ASSERT_TRUE(io::posix_file_system().make_directory(root, 0700));
  const TestStore store(io::posix_file_system(), root);
  const std::string path = root + "/LOCK";
  rocksdb::FileLock* lock = nullptr;
  ASSERT_TRUE(store.file_system->LockFile(path, IOOptions(), &lock, nullptr).ok());
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe[1]);
    char end = 0;
    ::_exit(::read(pipe[0], &end, 1) == 0 ? 0 : 1);  // until the parent closes its end
  }
  ASSERT_TRUE(store.file_system->UnlockFile(lock, IOOptions(), nullptr).ok());
  IOStatus again;
  for (int i = 0; i < 1000; ++i) {  // the child may be on its way out of fork()
    again = store.file_system->LockFile(path, IOOptions(), &lock, nullptr);
    if (again.ok()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // bounded poll
  }
  EXPECT_TRUE(again.ok()) << again.ToString();
  if (again.ok()) static_cast<void>(store.file_system->UnlockFile(lock, IOOptions(), nullptr));
  ::close(pipe[1]);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  std::filesystem::remove_all(root);
}

TEST_F(FileSystemTest, ReopenOfAFileWhoseKeyIsMissingLeavesItAsItIs) {
  store_.store.keys.add_generation(Generation{2});
  write("/store/000007.log", "a record");
  const ByteVector before = store_.files->raw("/store/000007.log").value();
  TestStore other(*store_.files, kRoot);  // has generation 1 only
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const IOStatus status =
      other.file_system->ReopenWritableFile("/store/000007.log", FileOptions(), &file, nullptr);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(store_.files->raw("/store/000007.log").value(), before);
}

TEST_F(FileSystemTest, ReopenOfAMissingFileMakesIt) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const IOStatus status =
      files().ReopenWritableFile("/store/000008.log", FileOptions(), &file, nullptr);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(files().FileExists("/store/000008.log", IOOptions(), nullptr).ok());
}

TEST_F(FileSystemTest, TestDirectoryLiesInsideTheStore) {
  std::string path;
  ::unsetenv("TEST_TMPDIR");
  ASSERT_TRUE(files().GetTestDirectory(IOOptions(), &path, nullptr).ok());
  EXPECT_EQ(path, "/store/test");
  EXPECT_TRUE(files().FileExists(path, IOOptions(), nullptr).ok());
}

TEST_F(FileSystemTest, IdentityIsTheAddress) {
  EXPECT_STREQ(files().Name(), "KeyholdFileSystem");
  EXPECT_EQ(files().GetId(), "keyhold:///store");
  EXPECT_TRUE(files().IsInstanceOf("keyhold"));
  EXPECT_TRUE(files().IsInstanceOf("KeyholdFileSystem"));
  EXPECT_FALSE(files().IsInstanceOf("posix"));
}

TEST_F(FileSystemTest, LogsAreTunedAsRocksDbTunesItsOwn) {
  const rocksdb::DBOptions db_options;
  FileOptions options;
  options.use_direct_writes = true;
  options.bytes_per_sync = 1;
  const auto& theirs = *rocksdb::FileSystem::Default();
  for (const auto& [ours, own] :
       {std::pair(files().OptimizeForLogWrite(options, db_options),
                  theirs.OptimizeForLogWrite(options, db_options)),
        std::pair(files().OptimizeForManifestWrite(options),
                  theirs.OptimizeForManifestWrite(options)),
        std::pair(files().OptimizeForLogRead(options), theirs.OptimizeForLogRead(options))}) {
    EXPECT_EQ(ours.use_direct_writes, own.use_direct_writes);
    EXPECT_EQ(ours.use_direct_reads, own.use_direct_reads);
    EXPECT_EQ(ours.bytes_per_sync, own.bytes_per_sync);
    EXPECT_EQ(ours.fallocate_with_keep_size, own.fallocate_with_keep_size);
    EXPECT_EQ(ours.writable_file_max_buffer_size, own.writable_file_max_buffer_size);
  }
}

}  // namespace
}  // namespace keyhold::rocks
