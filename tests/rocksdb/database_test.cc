// RocksDB's features on a store in memory.
#include <array>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/options_util.h>
#include <rocksdb/utilities/transaction_db.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kKeys = 20'000;

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() : options_(small_options(store_.store.env.get())) {}

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    EXPECT_TRUE(store_.store.env->GetChildren(kDb, &found).ok());
    return found;
  }

  // Every byte of every file below the store's root, as someone with the disk reads it.
  void expect_on_no_disk(const std::string& text, const std::string& folder = kRoot) {
    const auto children = store_.files->list(folder);
    ASSERT_TRUE(children);
    for (const std::string& child : *children) {
      const std::string path = io::join_path(folder, child);
      if (store_.files->info(path)->type == io::FileInfo::Type::directory) {
        expect_on_no_disk(text, path);
        continue;
      }
      const auto raw = store_.files->raw(path);
      ASSERT_TRUE(raw) << path;
      EXPECT_EQ(as_text(*raw).find(text), std::string_view::npos) << path;
    }
  }

  MemoryStore store_;
  rocksdb::Options options_;
};

TEST_F(DatabaseTest, EverythingIsThereAfterCompactionAndReopen) {
  {
    const auto db = open_db(options_);
    ASSERT_TRUE(db);
    put_range(*db, 0, kKeys);
    ASSERT_TRUE(db->CompactRange({}, nullptr, nullptr).ok());
    put_range(*db, kKeys, kKeys + 100);
    expect_range(*db, 0, kKeys + 100);
  }
  const auto db = open_db(options_);
  ASSERT_TRUE(db);
  expect_range(*db, 0, kKeys + 100);
  EXPECT_TRUE(db->VerifyChecksum().ok());
}

TEST_F(DatabaseTest, NoFileShowsKeysValuesOrOptions) {
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  ASSERT_TRUE(db->Flush({}).ok());
  put_range(*db, kKeys, kKeys + 10);
  EXPECT_THAT(names(), Contains(EndsWith(".sst")));
  EXPECT_THAT(names(), Contains(EndsWith(".log")));
  EXPECT_THAT(names(), Contains("LOG"));
  for (const char* text : {"key-0", "value-0", "rocksdb.", "leveldb", "RocksDB", "write_buffer"}) {
    expect_on_no_disk(text);
  }
}

TEST_F(DatabaseTest, IteratorSeesEveryKeyInOrder) {
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  const std::unique_ptr<rocksdb::Iterator> iterator(db->NewIterator({}));
  int count = 0;
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    ASSERT_EQ(iterator->key().ToString(), key_of(count++));
  }
  EXPECT_TRUE(iterator->status().ok());
  EXPECT_EQ(count, kKeys);
}

// Nothing in the block cache, so that every read reaches the files.
void without_cache(rocksdb::Options& options) {
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

void expect_multi_get(rocksdb::DB& db, bool async) {
  constexpr std::size_t kCount = 64;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kCount; ++i) names.push_back(key_of(static_cast<int>(i * 251)));
  const std::vector<rocksdb::Slice> keys(names.begin(), names.end());
  std::array<rocksdb::PinnableSlice, kCount> values;
  std::array<rocksdb::Status, kCount> statuses;
  rocksdb::ReadOptions options;
  options.async_io = async;
  db.MultiGet(options, db.DefaultColumnFamily(), kCount, keys.data(), values.data(),
              statuses.data());
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(statuses.at(i).ok()) << statuses.at(i).ToString();
    EXPECT_EQ(values.at(i).ToString(), value_of(static_cast<int>(i * 251)));
  }
}

TEST_F(DatabaseTest, MultiGetReadsManyBlocksAtOnce) {
  without_cache(options_);
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  ASSERT_TRUE(db->Flush({}).ok());
  expect_multi_get(*db, false);
  expect_multi_get(*db, true);
}

// RocksDB's own read-ahead buffers, which ask the file system for none, and its asynchronous reads,
// of which the file system makes ordinary ones.
TEST_F(DatabaseTest, IteratorsReadAheadAndAsynchronously) {
  without_cache(options_);
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  ASSERT_TRUE(db->Flush({}).ok());
  for (const bool async : {false, true}) {
    for (const std::size_t ahead : {std::size_t{0}, std::size_t{16} << 10, std::size_t{1} << 20}) {
      rocksdb::ReadOptions options;
      options.readahead_size = ahead;
      options.async_io = async;
      options.adaptive_readahead = async;
      const std::unique_ptr<rocksdb::Iterator> iterator(db->NewIterator(options));
      int count = 0;
      for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
        ASSERT_EQ(iterator->key().ToString(), key_of(count));
        ASSERT_EQ(iterator->value().ToString(), value_of(count));
        ++count;
      }
      EXPECT_TRUE(iterator->status().ok()) << iterator->status().ToString();
      EXPECT_EQ(count, kKeys) << async << " " << ahead;
      iterator->Seek(key_of(kKeys / 2));  // in the middle of what was read ahead
      ASSERT_TRUE(iterator->Valid());
      EXPECT_EQ(iterator->value().ToString(), value_of(kKeys / 2));
    }
  }
}

TEST_F(DatabaseTest, DirectReadsAndWritesNeedNoPaddingFromRocksDb) {
  without_cache(options_);
  options_.use_direct_reads = true;
  options_.use_direct_io_for_flush_and_compaction = true;
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  ASSERT_TRUE(db->CompactRange({}, nullptr, nullptr).ok());
  expect_range(*db, 0, kKeys);
  expect_multi_get(*db, false);
  expect_multi_get(*db, true);
  const std::unique_ptr<rocksdb::Iterator> iterator(db->NewIterator({}));
  int count = 0;
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) ++count;
  EXPECT_EQ(count, kKeys);
}

TEST_F(DatabaseTest, SyncedBytesInSmallRanges) {
  options_.bytes_per_sync = 16 << 10;
  options_.wal_bytes_per_sync = 16 << 10;
  options_.strict_bytes_per_sync = true;
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  ASSERT_TRUE(db->Flush({}).ok());
  expect_range(*db, 0, kKeys);
}

TEST_F(DatabaseTest, RecycledLogsServeOverReopen) {
  const auto counter = std::make_shared<RecyclingCounter>(store_.store.file_system);
  const auto env = rocksdb::NewCompositeEnv(counter);
  options_.env = env.get();
  recycle_logs(options_);
  for (int round = 0; round < 4; ++round) {
    const int before = counter->recycled();
    const auto db = open_db(options_);
    ASSERT_TRUE(db);
    ASSERT_EQ(db->GetDBOptions().recycle_log_file_num, 4U) << "RocksDB has switched it off";
    expect_range(*db, 0, round * 8000);
    put_range(*db, round * 8000, (round + 1) * 8000);
    EXPECT_GT(counter->recycled(), before);
  }
  const auto db = open_db(options_);
  ASSERT_TRUE(db);
  expect_range(*db, 0, 32'000);
}

TEST_F(DatabaseTest, TwoColumnFamiliesWithTransactions) {
  rocksdb::TransactionDB* opened = nullptr;
  ASSERT_TRUE(rocksdb::TransactionDB::Open(options_, {}, kDb, &opened).ok());
  std::unique_ptr<rocksdb::TransactionDB> db(opened);
  rocksdb::ColumnFamilyHandle* second = nullptr;
  ASSERT_TRUE(db->CreateColumnFamily(options_, "second", &second).ok());
  std::unique_ptr<rocksdb::Transaction> kept(db->BeginTransaction({}));
  ASSERT_TRUE(kept->Put("a", "first").ok());
  ASSERT_TRUE(kept->Put(second, "a", "second").ok());
  ASSERT_TRUE(kept->Commit().ok());
  std::unique_ptr<rocksdb::Transaction> dropped(db->BeginTransaction({}));
  ASSERT_TRUE(dropped->Put("b", "never").ok());
  ASSERT_TRUE(dropped->Rollback().ok());
  kept.reset();
  dropped.reset();
  ASSERT_TRUE(db->DestroyColumnFamilyHandle(second).ok());
  db.reset();

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* again = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options_, kDb, {{"default", options_}, {"second", options_}},
                                &handles, &again)
                  .ok());
  std::unique_ptr<rocksdb::DB> reopened(again);
  std::string value;
  EXPECT_TRUE(reopened->Get({}, handles[0], "a", &value).ok());
  EXPECT_EQ(value, "first");
  EXPECT_TRUE(reopened->Get({}, handles[1], "a", &value).ok());
  EXPECT_EQ(value, "second");
  EXPECT_TRUE(reopened->Get({}, handles[0], "b", &value).IsNotFound());
  for (auto* handle : handles) reopened->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
}

TEST_F(DatabaseTest, PreparedTransactionIsThereAfterReopen) {
  rocksdb::TransactionDB* opened = nullptr;
  {
    ASSERT_TRUE(rocksdb::TransactionDB::Open(options_, {}, kDb, &opened).ok());
    const std::unique_ptr<rocksdb::TransactionDB> db(opened);
    const std::unique_ptr<rocksdb::Transaction> prepared(db->BeginTransaction({}));
    ASSERT_TRUE(prepared->SetName("waiting").ok());
    ASSERT_TRUE(prepared->Put("p", "prepared").ok());
    ASSERT_TRUE(prepared->Prepare().ok());
  }
  ASSERT_TRUE(rocksdb::TransactionDB::Open(options_, {}, kDb, &opened).ok());
  const std::unique_ptr<rocksdb::TransactionDB> db(opened);
  const std::unique_ptr<rocksdb::Transaction> found(db->GetTransactionByName("waiting"));
  ASSERT_TRUE(found);
  ASSERT_TRUE(found->Commit().ok());
  std::string value;
  EXPECT_TRUE(db->Get({}, "p", &value).ok());
  EXPECT_EQ(value, "prepared");
}

TEST_F(DatabaseTest, BlobFilesAndTheirGarbageCollection) {
  options_.enable_blob_files = true;
  options_.min_blob_size = 50;
  options_.enable_blob_garbage_collection = true;
  options_.blob_garbage_collection_age_cutoff = 1.0;
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  ASSERT_TRUE(db->Flush({}).ok());
  EXPECT_THAT(names(), Contains(EndsWith(".blob")));
  put_range(*db, 0, kKeys / 2);
  ASSERT_TRUE(db->CompactRange({}, nullptr, nullptr).ok());
  expect_range(*db, 0, kKeys);
  expect_on_no_disk("value-0");
}

TEST_F(DatabaseTest, ExternalFileIsIngestedByLinkAndByCopy) {
  const auto db = open_db(options_);
  for (const bool move : {true, false}) {
    const int from = move ? 0 : 1000;
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options_);
    const std::string path = std::string(kRoot) + (move ? "/moved.sst" : "/copied.sst");
    ASSERT_TRUE(writer.Open(path).ok());
    for (int i = from; i < from + 1000; ++i) {
      ASSERT_TRUE(writer.Put(key_of(i), value_of(i)).ok());
    }
    ASSERT_TRUE(writer.Finish().ok());
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = move;
    const rocksdb::Status status = db->IngestExternalFile({path}, ingest);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  expect_range(*db, 0, 2000);
}

TEST_F(DatabaseTest, IngestThatWouldRewriteTheFileInPlaceStillSucceeds) {
  const auto db = open_db(options_);
  put_range(*db, 0, 10);
  const rocksdb::Snapshot* snapshot = db->GetSnapshot();
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options_);
  ASSERT_TRUE(writer.Open("/store/ingest.sst").ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(writer.Put(key_of(i), "newer").ok());
  ASSERT_TRUE(writer.Finish().ok());
  rocksdb::IngestExternalFileOptions ingest;
  ingest.write_global_seqno = true;
  const rocksdb::Status status = db->IngestExternalFile({"/store/ingest.sst"}, ingest);
  ASSERT_TRUE(status.ok()) << status.ToString();
  std::string value;
  EXPECT_TRUE(db->Get({}, key_of(3), &value).ok());
  EXPECT_EQ(value, "newer");
  db->ReleaseSnapshot(snapshot);
}

TEST_F(DatabaseTest, LiveFilesHaveTheirLogicalSizes) {
  const auto db = open_db(options_);
  put_range(*db, 0, kKeys);
  std::vector<rocksdb::LiveFileStorageInfo> files;
  ASSERT_TRUE(db->GetLiveFilesStorageInfo({}, &files).ok());
  EXPECT_GT(files.size(), 3U);
  for (const auto& file : files) {
    std::uint64_t size = 0;
    const std::string path = file.directory + "/" + file.relative_filename;
    if (file.replacement_contents.empty()) {
      ASSERT_TRUE(store_.store.env->GetFileSize(path, &size).ok()) << path;
      EXPECT_GE(size, file.size) << path;
    }
  }
  put_range(*db, kKeys, kKeys + 10);
  rocksdb::VectorLogPtr logs;
  ASSERT_TRUE(db->GetSortedWalFiles(logs).ok());
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_GT(logs.front()->SizeFileBytes(), 10 * 100U);
}

TEST_F(DatabaseTest, UpdatesSinceASequenceComeFromTheLogs) {
  options_.WAL_ttl_seconds = 3600;
  const auto db = open_db(options_);
  put_range(*db, 0, 100);
  std::unique_ptr<rocksdb::TransactionLogIterator> updates;
  ASSERT_TRUE(db->GetUpdatesSince(1, &updates).ok());
  int count = 0;
  for (; updates->Valid(); updates->Next()) ++count;
  EXPECT_EQ(count, 100);
  put_range(*db, 100, 200);
  updates->Next();
  for (; updates->Valid(); updates->Next()) ++count;
  EXPECT_EQ(count, 200) << updates->status().ToString();
}

TEST_F(DatabaseTest, OptionsFileLoadsBack) {
  open_db(options_).reset();
  rocksdb::ConfigOptions config;
  config.env = store_.store.env.get();
  rocksdb::DBOptions loaded;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  const rocksdb::Status status = rocksdb::LoadLatestOptions(config, kDb, &loaded, &families);
  ASSERT_TRUE(status.ok()) << status.ToString();
  ASSERT_EQ(families.size(), 1U);
  EXPECT_EQ(families.front().options.write_buffer_size, options_.write_buffer_size);
}

TEST_F(DatabaseTest, MemoryMapsAreRefusedAtOpen) {
  options_.allow_mmap_writes = true;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status writes = rocksdb::DB::Open(options_, kDb, &db);
  EXPECT_TRUE(writes.IsNotSupported()) << writes.ToString();
  EXPECT_THAT(writes.ToString(), HasSubstr("allow_mmap_writes"));
  options_.allow_mmap_writes = false;
  options_.allow_mmap_reads = true;
  const rocksdb::Status reads = rocksdb::DB::Open(options_, kDb, &db);
  EXPECT_TRUE(reads.IsNotSupported()) << reads.ToString();
  EXPECT_THAT(reads.ToString(), HasSubstr("allow_mmap_reads"));
}

TEST_F(DatabaseTest, LogDirectoryOutsideTheStoreIsRefusedAtOpen) {
  options_.wal_dir = "/elsewhere";
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options_, kDb, &db);
  EXPECT_TRUE(status.IsInvalidArgument()) << status.ToString();
  EXPECT_THAT(status.ToString(), HasSubstr("/elsewhere"));
}

TEST_F(DatabaseTest, SecondOpenSaysThatItIsOpen) {
  const auto first = open_db(options_);
  rocksdb::DB* second = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options_, kDb, &second);
  EXPECT_TRUE(status.IsIOError());
  EXPECT_THAT(status.ToString(), HasSubstr("has the database open"));
}

TEST_F(DatabaseTest, DestroyLeavesNothing) {
  {
    const auto db = open_db(options_);
    put_range(*db, 0, kKeys);
  }
  const rocksdb::Status status = rocksdb::DestroyDB(kDb, options_);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_THAT(*store_.files->list(kRoot), IsEmpty());
}

// RocksDB 7.8's own limits shape this: a close while it tries to recover hangs (its issue 11440),
// and with an empty memtable it would go on with the log that had failed.
TEST_F(DatabaseTest, SealStopsReadsAndWritesAndRocksDbResumesByItselfAfterUnseal) {
  without_cache(options_);
  options_.bgerror_resume_retry_interval = 10'000;  // microseconds
  const auto db = open_db(options_);
  put_range(*db, 0, 1000, true);
  ASSERT_TRUE(db->Flush({}).ok());
  put_range(*db, 1000, 1010, true);
  store_.store.keys.guard().seal();
  std::string value;
  const rocksdb::Status read = db->Get({}, key_of(1), &value);
  EXPECT_TRUE(read.IsIOError()) << read.ToString();
  EXPECT_THAT(read.ToString(), HasSubstr("sealed"));
  const rocksdb::Status write = db->Put({}, "x", "y");
  EXPECT_FALSE(write.ok());
  EXPECT_THAT(write.ToString(), HasSubstr("sealed"));
  store_.store.keys.guard().unseal();
  rocksdb::Status again;
  for (int i = 0; i < 500; ++i) {
    again = db->Put({}, key_of(1010), value_of(1010));
    if (again.ok()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // bounded poll
  }
  EXPECT_TRUE(again.ok()) << again.ToString();
  expect_range(*db, 0, 1011);
}

}  // namespace
}  // namespace keyhold::rocks
