// Readers beside a live database: a secondary instance and a read-only one, as ldb opens them. On
// disk, because that is where two processes meet; each has a store object of its own.
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

class BesideTest : public ::testing::Test {
 public:
  BesideTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keyhold-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    writer_ = std::make_unique<TestStore>(io::posix_file_system(), root_);
    reader_ = std::make_unique<TestStore>(io::posix_file_system(), root_);
    options_ = small_options(writer_->env.get());
    db_ = open_db(options_, root_ + "/db");
  }
  ~BesideTest() override {
    db_.reset();
    std::filesystem::remove_all(root_);
  }

 protected:
  std::string root_;
  std::unique_ptr<TestStore> writer_;
  std::unique_ptr<TestStore> reader_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

// RocksDB reads the MANIFEST first and the logs then: what is flushed in between comes with the
// next attempt.
void expect_to_catch_up(rocksdb::DB& secondary, int keys) {
  int missing = keys;
  for (int attempt = 0; attempt < 20 && missing > 0; ++attempt) {
    const auto caught_up = secondary.TryCatchUpWithPrimary();
    ASSERT_TRUE(caught_up.ok()) << caught_up.ToString();
    missing = missing_of_range(secondary, 0, keys);
  }
  EXPECT_EQ(missing, 0) << "of " << keys;
}

TEST_F(BesideTest, SecondaryFollowsTheLogWhileItGrows) {
  put_range(*db_, 0, 500);
  rocksdb::Options options = options_;
  options.env = reader_->env.get();
  options.max_open_files = -1;
  rocksdb::DB* opened = nullptr;
  const auto status =
      rocksdb::DB::OpenAsSecondary(options, root_ + "/db", root_ + "/secondary", &opened);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const std::unique_ptr<rocksdb::DB> secondary(opened);
  expect_range(*secondary, 0, 500);
  for (int round = 1; round <= 20; ++round) {
    put_range(*db_, round * 500, (round + 1) * 500);
    expect_to_catch_up(*secondary, (round + 1) * 500);
  }
}

TEST_F(BesideTest, ReadOnlyInstanceSeesWhatWasWrittenBefore) {
  put_range(*db_, 0, 5000);
  rocksdb::Options options = options_;
  options.env = reader_->env.get();
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, root_ + "/db", &opened);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const std::unique_ptr<rocksdb::DB> reader(opened);
  expect_range(*reader, 0, 5000);
}

}  // namespace
}  // namespace keyhold::rocks
