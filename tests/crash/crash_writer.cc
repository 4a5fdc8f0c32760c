// A database for the crash loop: writes numbered keys with sync and says what was acknowledged, or
// checks that they are there. RECYCLED is the number of logs that are kept for recycling.
//
//   crash_writer write DB STORE FIRST RECYCLED
//       writes batches from key FIRST on, with two threads, until it is killed; after each synced
//       batch its first key's number goes to standard output, 8 bytes, little-endian
//   crash_writer check DB STORE FILE RECYCLED
//       FILE holds what `write` said, one number a line; prints how many of those batches' keys are
//       there with their values; 1 if one is missing
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <keyhold/rocksdb.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include "numbered_keys.h"

namespace {

[[noreturn]] void fail(const rocksdb::Status& status) {
  std::fprintf(stderr, "crash_writer: %s\n", status.ToString().c_str());
  std::exit(1);
}

// Small memtables: flush, compaction, log switch and MANIFEST writes all fall into the killer's
// window.
std::unique_ptr<rocksdb::DB> open(const std::string& path, rocksdb::Env* env,
                                  std::size_t recycled) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = 256 << 10;
  options.target_file_size_base = 256 << 10;
  options.recycle_log_file_num = recycled;
  // RocksDB recycles logs in this mode only.
  if (recycled > 0) options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  rocksdb::DB* db = nullptr;
  if (const auto status = rocksdb::DB::Open(options, path, &db); !status.ok()) fail(status);
  return std::unique_ptr<rocksdb::DB>(db);
}

[[noreturn]] void write_until_killed(rocksdb::DB& db, std::atomic<std::uint64_t>& next) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  for (;;) {
    const std::uint64_t first = next.fetch_add(kBatchKeys);
    rocksdb::WriteBatch batch;
    for (std::uint64_t number = first; number < first + kBatchKeys; ++number) {
      batch.Put(key_of(number), value_of(number));
    }
    if (const auto status = db.Write(synced, &batch); !status.ok()) fail(status);
    if (write(STDOUT_FILENO, &first, sizeof first) != sizeof first) std::exit(1);
  }
}

int check(rocksdb::DB& db, const char* acknowledged) {
  std::ifstream batches(acknowledged);
  std::uint64_t found = 0;
  std::uint64_t count = 0;
  std::string value;
  for (std::uint64_t first = 0; batches >> first;) {
    for (std::uint64_t number = first; number < first + kBatchKeys; ++number, ++count) {
      const auto status = db.Get({}, key_of(number), &value);
      if (status.ok() && value == value_of(number)) {
        ++found;
      } else {
        std::fprintf(stderr, "crash_writer: %s: %s\n", key_of(number).c_str(),
                     status.ok() ? "wrong value" : status.ToString().c_str());
      }
    }
  }
  std::printf("%llu\n", static_cast<unsigned long long>(found));
  return found == count ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc == 6 ? argv[1] : "";
  if (command != "write" && command != "check") {
    std::fputs("usage: crash_writer write DB STORE FIRST RECYCLED | check DB STORE FILE RECYCLED\n",
               stderr);
    return 2;
  }
  std::shared_ptr<rocksdb::FileSystem> files;
  const std::string uri = std::string("keyhold://") + argv[3];
  if (const auto status = keyhold::NewRocksDBFileSystem(uri, &files); !status.ok()) fail(status);
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
  const std::unique_ptr<rocksdb::DB> db =
      open(argv[2], env.get(), std::strtoul(argv[5], nullptr, 10));
  if (command == "check") return check(*db, argv[4]);
  std::atomic<std::uint64_t> next = std::strtoull(argv[4], nullptr, 10);
  // Two writers: RocksDB closes a log's former writer beside the one that recycles it.
  const std::thread second([&] { write_until_killed(*db, next); });
  write_until_killed(*db, next);
}
