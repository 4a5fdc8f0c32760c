// Re-encryption under a running RocksDB: readers and writers go on, checkpoints keep sharing, and
// what was shredded cannot be read.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/utilities/checkpoint.h>

#include "store/coverage.h"
#include "store/reencryptor.h"
#include "tests/rocksdb/ring_store.h"

namespace keyhold::rocks {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kKeys = 10'000;
constexpr const char* kCheckpoint = "/store/checkpoint";

class ReencryptTest : public ::testing::Test {
 protected:
  ReencryptTest() {
    options_ = small_options(store_.env.get());
    db_ = open_db(options_);
    put_range(*db_, 0, kKeys);
    EXPECT_TRUE(db_->Flush({}).ok());
  }

  Generation rotate() { return keyring::must(store_.ring->rotate_dek()); }

  store::ReencryptReport pass(Generation target) {
    return keyring::must(store::reencrypt(store_.volume->store(), target, {}));
  }

  store::Coverage covered(Generation target) {
    store::Store& store = store_.volume->store();
    return keyring::must(store::cover(store, target, store::open_files(store)));
  }

  void reopen() {
    db_.reset();
    db_ = open_db(options_);
    ASSERT_TRUE(db_);
  }

  Status shred(Generation kept) {
    return store_.ring->shred_before(kept, world_.clients(), world_.deadline());
  }

  // Nothing derived from a DEK that is gone is left in a handle.
  void wipe_derived_keys() {
    store_.keys.guard().seal();
    store_.keys.guard().unseal();
  }

  std::string first_table(const std::string& folder) {
    for (const std::string& name : keyring::must(store_.disk->list(folder))) {
      if (name.ends_with(".sst")) return io::join_path(folder, name);
    }
    ADD_FAILURE() << "no table in " << folder;
    return {};
  }

  keyring::World world_;
  RingStore store_{world_, disk_with_ring(world_)};
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(ReencryptTest, ReadersAndWritersGoOnAndEverySyncedKeyIsThereAfterShredding) {
  KEYHOLD_SKIP_UNDER_TSAN();
  const std::string old_table = first_table(kDb);
  const ByteVector old_bytes = keyring::must(store_.disk->raw(old_table));
  const Generation current = rotate();
  std::atomic<bool> done = false;
  std::atomic<int> written = kKeys;
  std::thread writer([&] {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    for (int i = kKeys; !done; ++i) {
      ASSERT_TRUE(db_->Put(synced, key_of(i), value_of(i)).ok());
      written = i + 1;
    }
  });
  std::thread reader([&] {
    for (int i = 0; !done; i = (i + 7) % kKeys) {
      std::string value;
      const rocksdb::Status found = db_->Get({}, key_of(i), &value);
      ASSERT_TRUE(found.ok()) << found.ToString();
      ASSERT_EQ(value, value_of(i));
    }
  });
  EXPECT_GT(pass(current).done.files, 0U);
  for (const store::PendingFile& file : pass(current).pending) {
    EXPECT_EQ(file.why, store::PendingFile::Why::written) << file.path;
  }
  done = true;
  writer.join();
  reader.join();
  // WAL, MANIFEST and LOG of the old generation were live.
  EXPECT_GT(covered(current).older_than(current).files, 0U);
  ASSERT_NO_FATAL_FAILURE(reopen());
  EXPECT_THAT(pass(current).pending, IsEmpty());
  EXPECT_EQ(covered(current).older_than(current).files, 0U);
  keyring::must(shred(current));
  wipe_derived_keys();
  expect_range(*db_, 0, written);
  ASSERT_NO_FATAL_FAILURE(reopen());
  expect_range(*db_, 0, written);
  EXPECT_TRUE(db_->VerifyChecksum().ok());

  // The copy of a table from before, put back by somebody with the disk.
  keyring::must(io::replace_file(*store_.disk, "/store/db/copy.sst", old_bytes));
  const auto copy = store_.volume->store().open_random("/store/db/copy.sst");
  ASSERT_FALSE(copy);
  EXPECT_EQ(copy.error().code(), Code::wrong_key);
  EXPECT_THAT(copy.error().message(), HasSubstr("DEK generation 1 was shredded"));
}

TEST_F(ReencryptTest, ACheckpointKeepsSharingItsTables) {
  rocksdb::Checkpoint* made = nullptr;
  ASSERT_TRUE(rocksdb::Checkpoint::Create(db_.get(), &made).ok());
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  ASSERT_TRUE(checkpoint->CreateCheckpoint(kCheckpoint).ok());
  const std::string table = first_table(kCheckpoint);
  ASSERT_EQ(store_.disk->info(table)->links, 2U);
  const Generation current = rotate();
  pass(current);
  EXPECT_EQ(store_.disk->info(table)->links, 2U);
  ASSERT_NO_FATAL_FAILURE(reopen());
  pass(current);
  EXPECT_EQ(covered(current).older_than(current).files, 0U);
  keyring::must(shred(current));
  wipe_derived_keys();
  const auto copy = open_db(options_, kCheckpoint);
  ASSERT_TRUE(copy);
  expect_range(*copy, 0, kKeys);
  expect_range(*db_, 0, kKeys);
}

// Compactions delete what is being written again, and make new tables meanwhile.
TEST_F(ReencryptTest, CompactionsBesideItLoseNothing) {
  KEYHOLD_SKIP_UNDER_TSAN();
  std::atomic<bool> done = false;
  std::thread compactor([&] {
    for (int i = 0; !done; ++i) {
      put_range(*db_, (i % 10) * 1000, (i % 10 + 1) * 1000);
      ASSERT_TRUE(db_->Flush({}).ok());
      ASSERT_TRUE(db_->CompactRange({}, nullptr, nullptr).ok());
    }
  });
  for (int round = 0; round < 5; ++round) pass(rotate());
  done = true;
  compactor.join();
  expect_range(*db_, 0, kKeys);
  ASSERT_NO_FATAL_FAILURE(reopen());
  const Generation current = keyring::must(store_.ring->current_generation());
  EXPECT_THAT(pass(current).pending, IsEmpty());
  keyring::must(shred(current));
  wipe_derived_keys();
  expect_range(*db_, 0, kKeys);
}

TEST_F(ReencryptTest, ADatabaseIsDestroyedBesideIt) {
  const Generation current = rotate();
  std::thread worker(
      [&] { static_cast<void>(store::reencrypt(store_.volume->store(), current, {})); });
  db_.reset();
  const rocksdb::Status destroyed = rocksdb::DestroyDB(kDb, options_);
  worker.join();
  EXPECT_TRUE(destroyed.ok()) << destroyed.ToString();
  EXPECT_FALSE(store_.disk->info(kDb)) << ::testing::PrintToString(store_.disk->list(kDb).value());
}

}  // namespace
}  // namespace keyhold::rocks
