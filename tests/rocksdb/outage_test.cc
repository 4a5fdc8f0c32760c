// What the machine refuses while the engine runs (space, the right to write, memory for keys), and
// gives back: it is named, and nothing that was synced is lost.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fault_file_system.h"
#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;
constexpr int kMany = 50'000;

struct Refusal {
  int acknowledged = 0;  // synced puts before it
  rocksdb::Status status;
};

// Synced puts from key `from` on, until one fails.
Refusal put_until_refused(rocksdb::DB& db, int from) {
  rocksdb::WriteOptions options;
  options.sync = true;
  for (int i = from; i < from + kMany; ++i) {
    rocksdb::Status status = db.Put(options, key_of(i), value_of(i));
    if (!status.ok()) return {.acknowledged = i, .status = std::move(status)};
  }
  ADD_FAILURE() << "never refused";
  return {};
}

// RocksDB 7.8 goes on in the same process only by luck: what it resumes may write to the log whose
// write had failed, and that is an assertion of its own. So an operator closes and opens anew.
void expect_all_there_anew(std::unique_ptr<rocksdb::DB> db, const rocksdb::Options& options,
                           int acknowledged) {
  expect_range(*db, 0, acknowledged);  // it still reads
  db.reset();
  db = open_db(options);
  ASSERT_TRUE(db);
  expect_range(*db, 0, acknowledged);
  put_range(*db, acknowledged, acknowledged + 500, true);
  db.reset();
  db = open_db(options);
  ASSERT_TRUE(db);
  expect_range(*db, 0, acknowledged + 500);
  EXPECT_TRUE(db->VerifyChecksum().ok());
}

class FullDisk : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  MemoryStore store_;
  rocksdb::Options options_ = small_options(store_.store.env.get());
};

TEST_P(FullDisk, IsNamedAndWithSpaceAgainAllIsThere) {
  auto db = open_db(options_);
  put_range(*db, 0, 100, true);
  store_.files->set_capacity(GetParam());
  const Refusal refusal = put_until_refused(*db, 100);
  EXPECT_TRUE(refusal.status.IsNoSpace()) << refusal.status.ToString();
  EXPECT_THAT(refusal.status.ToString(), HasSubstr("No space left on device"));
  EXPECT_THAT(refusal.status.ToString(), Not(HasSubstr(store::kTemporaryPrefix)));
  store_.files->set_capacity(kPlenty);
  expect_all_there_anew(std::move(db), options_, refusal.acknowledged);
}

INSTANTIATE_TEST_SUITE_P(Capacity, FullDisk, ::testing::Values(150'000, 700'000, 2'000'000));

TEST(ReadOnlyStore, IsNamedAndWritableAgainAllIsThere) {
  io::MemoryFileSystem memory;
  ASSERT_TRUE(memory.make_directory(kRoot, 0700));
  io::FaultFileSystem files(memory);
  TestStore store(files, kRoot);
  const rocksdb::Options options = small_options(store.env.get());
  auto db = open_db(options);
  put_range(*db, 0, 3000, true);
  files.set_fault({.at = 1, .error_number = EROFS, .lasts = io::Fault::Lasts::from_there_on});
  const Refusal refusal = put_until_refused(*db, 3000);
  EXPECT_TRUE(refusal.status.IsIOError()) << refusal.status.ToString();
  EXPECT_THAT(refusal.status.ToString(), HasSubstr("Read-only file system"));
  EXPECT_THAT(refusal.status.ToString(), HasSubstr(kDb));
  files.set_fault({});
  expect_all_there_anew(std::move(db), options, refusal.acknowledged);
}

constexpr const char* kFewKeys = "KEYHOLD_TEST_FEW_KEYS";

// As an unprivileged process that may lock `bytes` of memory.
void limit_locked_memory(rlim_t bytes) {
  const rlimit limit{.rlim_cur = bytes, .rlim_max = rlim_t{8} << 20};
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(::syscall(SYS_capset, &header, none), 0);
}

// Every open table holds keys: with many of them the limit is met in the middle of the work.
void run_out_of_key_memory() {
  limit_locked_memory(64 << 10);  // first: RocksDB's threads have the rights of who starts them
  MemoryStore store;
  rocksdb::Options options = small_options(store.store.env.get());
  options.write_buffer_size = std::size_t{64} << 10;
  options.disable_auto_compactions = true;
  options.level0_slowdown_writes_trigger = options.level0_stop_writes_trigger = 1 << 20;
  auto db = open_db(options);
  const Refusal refusal = put_until_refused(*db, 0);
  EXPECT_THAT(refusal.status.ToString(), HasSubstr("RLIMIT_MEMLOCK is 65536 bytes"));
  EXPECT_THAT(refusal.status.ToString(), HasSubstr("prlimit --memlock"));
  limit_locked_memory(rlim_t{8} << 20);
  expect_all_there_anew(std::move(db), options, refusal.acknowledged);
}

// In a process of its own: a limit cannot be taken back.
TEST(KeyMemory, AtItsLimitIsNamedAndBeyondItAllIsThere) {
  if (std::getenv(kFewKeys) != nullptr) return run_out_of_key_memory();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv(kFewKeys, "1", 1);
    ::execl("/proc/self/exe", "rocksdb_database_test", "--gtest_filter=KeyMemory.*", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace keyhold::rocks
