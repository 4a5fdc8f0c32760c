#include "tests/rocksdb/test_store.h"

#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rocksdb/keyhold_file_system.h"

namespace keyhold::rocks {
namespace {

std::unique_ptr<io::MemoryFileSystem> files_with_root() {
  auto files = std::make_unique<io::MemoryFileSystem>();
  EXPECT_TRUE(files->make_directory(kRoot, 0700));
  EXPECT_TRUE(files->sync_directory("/"));
  return files;
}

}  // namespace

TestStore::TestStore(io::FileSystem& files, const std::string& root)
    : volume(std::make_shared<Volume>(files, keys, crypto::system_random(), root)),
      file_system(std::make_shared<KeyholdFileSystem>(volume)),
      env(rocksdb::NewCompositeEnv(file_system)) {}

MemoryStore::MemoryStore() : MemoryStore(files_with_root()) {}

MemoryStore::MemoryStore(std::unique_ptr<io::MemoryFileSystem> given)
    : files(std::move(given)), store(*files, kRoot) {}

std::unique_ptr<MemoryStore> MemoryStore::crash(io::CrashPolicy policy, std::uint64_t seed) {
  return std::make_unique<MemoryStore>(files->crash(policy, seed));
}

rocksdb::Options small_options(rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = std::size_t{256} << 10;
  options.target_file_size_base = std::size_t{256} << 10;
  options.max_bytes_for_level_base = std::size_t{1} << 20;
  options.compression = rocksdb::kNoCompression;
  return options;
}

void recycle_logs(rocksdb::Options& options, std::size_t count) {
  options.recycle_log_file_num = count;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
}

std::unique_ptr<rocksdb::DB> open_db(const rocksdb::Options& options, const std::string& path) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &db);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return std::unique_ptr<rocksdb::DB>(db);
}

std::string key_of(int number) {
  return fmt::format("key-{:06}", number);
}

std::string value_of(int number) {
  return fmt::format("{:-<100}", fmt::format("value-{:06}", number));
}

void put_range(rocksdb::DB& db, int from, int to, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  for (int i = from; i < to; ++i) {
    const rocksdb::Status status = db.Put(options, key_of(i), value_of(i));
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
}

int missing_of_range(rocksdb::DB& db, int from, int to) {
  int missing = 0;
  for (int i = from; i < to; ++i) {
    std::string value;
    const rocksdb::Status status = db.Get({}, key_of(i), &value);
    if (!status.ok() || value != value_of(i)) ++missing;
  }
  return missing;
}

void expect_range(rocksdb::DB& db, int from, int to) {
  EXPECT_EQ(missing_of_range(db, from, to), 0) << "of " << to - from;
}

}  // namespace keyhold::rocks
