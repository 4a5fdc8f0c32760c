// A store with keys of the test's own, and RocksDB on it: no KMS, no host.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "io/file_system.h"
#include "io/memory_file_system.h"
#include "rocksdb/volume.h"
#include "store/test_key_source.h"

// Debian's librocksdb is not instrumented. Where its own threads hand memory to each other, under
// atomics that the thread sanitizer does not see, it reports races that are none: such tests run
// without it.
#if defined(__SANITIZE_THREAD__)
#define KEYHOLD_SKIP_UNDER_TSAN() GTEST_SKIP() << "librocksdb is not instrumented"
#else
#define KEYHOLD_SKIP_UNDER_TSAN() static_cast<void>(0)
#endif

namespace keyhold::rocks {

// A store at `root` of `files`, its FileSystem, and an Env with it. The folder must exist.
struct TestStore {
  TestStore(io::FileSystem& files, const std::string& root);

  store::TestKeySource keys;
  std::shared_ptr<Volume> volume;
  std::shared_ptr<rocksdb::FileSystem> file_system;
  std::unique_ptr<rocksdb::Env> env;
};

// Counts the logs that RocksDB begins in the blocks of an old one.
class RecyclingCounter final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  static const char* kClassName() { return "RecyclingCounter"; }
  [[nodiscard]] const char* Name() const override { return kClassName(); }
  [[nodiscard]] int recycled() const { return recycled_; }

  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status =
        FileSystemWrapper::ReuseWritableFile(name, old_name, options, result, debug);
    if (status.ok()) ++recycled_;
    return status;
  }

 private:
  std::atomic<int> recycled_ = 0;
};

inline constexpr const char* kRoot = "/store";
inline constexpr const char* kDb = "/store/db";

// Files in memory with an empty folder /store, and a store in it.
struct MemoryStore {
  MemoryStore();
  explicit MemoryStore(std::unique_ptr<io::MemoryFileSystem> files);
  // What a crash at this instant leaves; this store answers EIO from now on.
  std::unique_ptr<MemoryStore> crash(io::CrashPolicy policy, std::uint64_t seed = 0);

  std::unique_ptr<io::MemoryFileSystem> files;
  TestStore store;
};

// For `env`: create_if_missing, small buffers, so that a few kilobytes make files of every kind.
rocksdb::Options small_options(rocksdb::Env* env);

// Recycled logs, and the one recovery mode in which RocksDB 7.8 does not quietly switch them off.
void recycle_logs(rocksdb::Options& options, std::size_t count = 4);

// The database at `path`; fails the test and returns null where it does not open.
std::unique_ptr<rocksdb::DB> open_db(const rocksdb::Options& options,
                                     const std::string& path = kDb);

std::string key_of(int number);    // "key-000042"
std::string value_of(int number);  // 100 bytes that begin with "value-000042"

void put_range(rocksdb::DB& db, int from, int to, bool sync = false);
int missing_of_range(rocksdb::DB& db, int from, int to);
// Every key of the range is there with its value; says how many are not.
void expect_range(rocksdb::DB& db, int from, int to);

}  // namespace keyhold::rocks
