// fillsync with recycled logs: db_bench has no switch for recycle_log_file_num. Prints writes a
// second.
//
//   recycled_fillsync DIR FS_URI WRITES RECYCLED_LOGS
//
// FS_URI is "-" for the plain disk. Memtables are small, so that logs are recycled many times.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 400;
constexpr std::size_t kMemtableBytes = 1 << 20;

[[noreturn]] void fail(const rocksdb::Status& status) {
  std::fprintf(stderr, "recycled_fillsync: %s\n", status.ToString().c_str());
  std::exit(1);
}

double writes_per_second(rocksdb::DB& db, long writes) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::string value(kValueBytes, 'v');
  const auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < writes; ++i) {
    std::string key = std::to_string(i * 2654435761L % 1000000007L);
    key.resize(kKeyBytes, ' ');
    if (const auto status = db.Put(synced, key, value); !status.ok()) fail(status);
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return static_cast<double>(writes) / taken.count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: recycled_fillsync DIR FS_URI|- WRITES RECYCLED_LOGS\n", stderr);
    return 2;
  }
  const std::string uri = argv[2];
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = kMemtableBytes;
  options.recycle_log_file_num = std::strtoul(argv[4], nullptr, 10);
  // RocksDB recycles logs in this mode only.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  std::shared_ptr<rocksdb::Env> guard;
  if (uri != "-") {
    if (const auto status = rocksdb::Env::CreateFromUri({}, "", uri, &options.env, &guard);
        !status.ok())
      fail(status);
  }
  rocksdb::DB* db = nullptr;
  if (const auto status = rocksdb::DB::Open(options, argv[1], &db); !status.ok()) fail(status);
  const std::unique_ptr<rocksdb::DB> owner(db);
  std::printf("%.1f\n", writes_per_second(*db, std::strtol(argv[3], nullptr, 10)));
  return 0;
}
