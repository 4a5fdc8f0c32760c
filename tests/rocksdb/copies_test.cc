// Checkpoints and backups: other names for the same encrypted files, or copies of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/utilities/checkpoint.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

constexpr int kKeys = 10'000;
constexpr const char* kCheckpoint = "/store/checkpoint";
constexpr const char* kBackups = "/store/backups";

class CopiesTest : public ::testing::Test {
 protected:
  CopiesTest() : options_(small_options(store_.store.env.get())), db_(open_db(options_)) {
    put_range(*db_, 0, kKeys);
  }

  std::unique_ptr<rocksdb::BackupEngine> open_backups() {
    rocksdb::BackupEngineOptions options(kBackups);
    options.backup_env = store_.store.env.get();
    rocksdb::BackupEngine* engine = nullptr;
    const auto status = rocksdb::BackupEngine::Open(store_.store.env.get(), options, &engine);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return std::unique_ptr<rocksdb::BackupEngine>(engine);
  }

  MemoryStore store_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(CopiesTest, CheckpointLinksTablesAndStaysAsItWas) {
  rocksdb::Checkpoint* made = nullptr;
  ASSERT_TRUE(rocksdb::Checkpoint::Create(db_.get(), &made).ok());
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  const rocksdb::Status status = checkpoint->CreateCheckpoint(kCheckpoint);
  ASSERT_TRUE(status.ok()) << status.ToString();
  int linked = 0;
  const auto names = store_.files->list(kCheckpoint);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    if (!name.ends_with(".sst")) continue;
    const auto info = store_.files->info(io::join_path(kCheckpoint, name));
    linked += info && info->links > 1 ? 1 : 0;
  }
  EXPECT_GT(linked, 0);
  ASSERT_TRUE(db_->DeleteRange({}, db_->DefaultColumnFamily(), key_of(0), key_of(kKeys)).ok());
  ASSERT_TRUE(db_->CompactRange({}, nullptr, nullptr).ok());
  const auto copy = open_db(options_, kCheckpoint);
  ASSERT_TRUE(copy);
  expect_range(*copy, 0, kKeys);
}

TEST_F(CopiesTest, CheckpointWithALiveLogHasItsRecords) {
  rocksdb::Checkpoint* made = nullptr;
  ASSERT_TRUE(rocksdb::Checkpoint::Create(db_.get(), &made).ok());
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  put_range(*db_, kKeys, kKeys + 10);
  constexpr std::uint64_t kNeverFlush = 1U << 30;
  const rocksdb::Status status = checkpoint->CreateCheckpoint(kCheckpoint, kNeverFlush);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const auto copy = open_db(options_, kCheckpoint);
  ASSERT_TRUE(copy);
  expect_range(*copy, 0, kKeys + 10);
}

TEST_F(CopiesTest, BackupsRestoreInsideTheStore) {
  KEYHOLD_SKIP_UNDER_TSAN();
  {
    const auto backups = open_backups();
    ASSERT_TRUE(backups);
    const auto first = backups->CreateNewBackup(db_.get(), true);
    ASSERT_TRUE(first.ok()) << first.ToString();
    put_range(*db_, kKeys, kKeys + 1000);
    const auto second = backups->CreateNewBackup(db_.get(), false);
    ASSERT_TRUE(second.ok()) << second.ToString();
    EXPECT_TRUE(backups->VerifyBackup(1, true).ok());
    EXPECT_TRUE(backups->VerifyBackup(2, true).ok());
  }
  const auto backups = open_backups();
  ASSERT_TRUE(backups);
  const auto restored = backups->RestoreDBFromBackup(2, "/store/restored", "/store/restored");
  ASSERT_TRUE(restored.ok()) << restored.ToString();
  const auto copy = open_db(options_, "/store/restored");
  ASSERT_TRUE(copy);
  expect_range(*copy, 0, kKeys + 1000);
  EXPECT_TRUE(backups->PurgeOldBackups(1).ok());
  EXPECT_TRUE(backups->GarbageCollect().ok());
}

TEST_F(CopiesTest, BackupOutsideTheStoreIsRefused) {
  rocksdb::BackupEngineOptions options("/elsewhere");
  options.backup_env = store_.store.env.get();
  rocksdb::BackupEngine* engine = nullptr;
  const auto status = rocksdb::BackupEngine::Open(store_.store.env.get(), options, &engine);
  EXPECT_TRUE(status.IsInvalidArgument()) << status.ToString();
}

}  // namespace
}  // namespace keyhold::rocks
