// What RocksDB makes of damage that the store has found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/table.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

using ::testing::HasSubstr;

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() : options_(small_options(store_.store.env.get())) {
    rocksdb::BlockBasedTableOptions table;
    table.no_block_cache = true;
    options_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  }

  std::string find(const std::string& suffix) {
    const auto names = store_.files->list(kDb);
    for (const std::string& name : names.value()) {
      if (name.ends_with(suffix) || name.starts_with(suffix)) return io::join_path(kDb, name);
    }
    ADD_FAILURE() << "no file " << suffix;
    return {};
  }

  void flip_in_the_middle(const std::string& path) {
    const auto info = store_.files->info(path);
    ASSERT_TRUE(info);
    ASSERT_TRUE(store_.files->flip_bit(path, info->size_bytes / 2 * 8 + 3));
  }

  rocksdb::Status try_open() {
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options_, kDb, &db);
    delete db;
    return status;
  }

  MemoryStore store_;
  rocksdb::Options options_;
};

TEST_F(DamageTest, FlippedBitInATableIsNamed) {
  const auto db = open_db(options_);
  put_range(*db, 0, 1000);
  ASSERT_TRUE(db->Flush({}).ok());
  const std::string path = find(".sst");
  flip_in_the_middle(path);
  const rocksdb::Status status = db->VerifyChecksum();
  EXPECT_TRUE(status.IsCorruption()) << status.ToString();
  EXPECT_THAT(status.ToString(), HasSubstr(path));
}

// In its default recovery mode RocksDB takes a Corruption in the log for the end of the log, and
// throws away what lies behind: acknowledged writes.
TEST_F(DamageTest, FlippedBitInTheMiddleOfASyncedLogStopsTheOpen) {
  {
    const auto db = open_db(options_);
    put_range(*db, 0, 200, true);
  }
  ASSERT_EQ(options_.wal_recovery_mode, rocksdb::WALRecoveryMode::kPointInTimeRecovery);
  const std::string path = find(".log");
  flip_in_the_middle(path);
  const rocksdb::Status status = try_open();
  EXPECT_TRUE(status.IsIOError()) << status.ToString();
  EXPECT_THAT(status.ToString(), HasSubstr(path));
}

TEST_F(DamageTest, FlippedBitInTheManifestStopsTheOpen) {
  {
    const auto db = open_db(options_);
    put_range(*db, 0, 20'000);
  }
  const std::string path = find("MANIFEST-");
  flip_in_the_middle(path);
  const rocksdb::Status status = try_open();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.ToString(), HasSubstr(path));
}

TEST_F(DamageTest, FileOfAnotherStoreIsNamed) {
  open_db(options_).reset();
  const MemoryStore other;
  open_db(small_options(other.store.env.get())).reset();
  const std::string path = find("CURRENT");
  const auto foreign = other.files->raw(path);
  ASSERT_TRUE(foreign);
  ByteVector bytes = *foreign;
  bytes.at(100) = static_cast<std::uint8_t>(~bytes.at(100));
  ASSERT_TRUE(store_.files->set_raw(path, bytes));
  const rocksdb::Status status = try_open();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.ToString(), HasSubstr(path));
}

TEST_F(DamageTest, EmptyFileIsDamageNotAnEmptyDatabase) {
  open_db(options_).reset();
  ASSERT_TRUE(store_.files->set_raw(find("CURRENT"), {}));
  const rocksdb::Status status = try_open();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.ToString(), HasSubstr("CURRENT"));
}

}  // namespace
}  // namespace keyhold::rocks
