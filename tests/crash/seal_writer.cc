// An engine for the seal loop: writes numbered keys with sync, reads them, and all the while
// flushes, compacts and changes the MANIFEST, until it is killed. It never ends by itself: an
// engine's end is its agent's end.
//
//   seal_writer DB STORE NUMBERS PAGE
//       NUMBERS gets the first number of every batch whose sync was acknowledged, one a line; those
//       that are in it at the start are looked for first. PAGE holds the Page below, which outlives
//       a kill.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <keyhold/rocksdb.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <sys/mman.h>
#include <unistd.h>

#include "numbered_keys.h"

namespace {

// The load's pace.
void pace(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));  // bounded poll
}

using Word = std::atomic<std::uint64_t>;

// As seal_loop.py unpacks it. Times are nanoseconds of the wall clock, 0: not yet.
struct Page {
  Word pid, started, first_read, last_read, last_write;
  Word checked, missing, check_done, refused;    // check_done: how many keys were looked for
  Word syncing, flushing, compacting, manifest;  // how many calls are under way
};

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                    std::chrono::nanoseconds(1));
}

class UnderWay {
 public:
  explicit UnderWay(Word& word) : word_(word) { ++word_; }
  ~UnderWay() { --word_; }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  Word& word_;
};

[[noreturn]] void fail(const char* what, const std::string& why) {
  std::fprintf(stderr, "seal_writer: %s: %s\n", what, why.c_str());
  std::exit(1);
}

Page& map_page(const char* path) {
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, 0) != 0 || ftruncate(fd, sizeof(Page)) != 0) fail(path, "no page");
  void* at = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) fail(path, "cannot be mapped");
  close(fd);
  return *new (at) Page;
}

struct Engine {
  Page& page;
  int numbers_fd;
  std::vector<std::uint64_t> known;  // at the start
  std::unique_ptr<rocksdb::DB> db;
  Word next;
  std::atomic<bool> refused = false;

  // False from the first failure on: the thread that sees it stops, the process waits for its kill.
  bool took(const char* what, const rocksdb::Status& status) {
    if (status.ok()) return true;
    if (!refused.exchange(true)) {
      std::fprintf(stderr, "seal_writer: %s: %s\n", what, status.ToString().c_str());
    }
    ++page.refused;
    return false;
  }

  bool write_batch() {
    const std::uint64_t first = next.fetch_add(kBatchKeys);
    rocksdb::WriteBatch batch;
    for (std::uint64_t number = first; number < first + kBatchKeys; ++number) {
      batch.Put(key_of(number), value_of(number));
    }
    rocksdb::WriteOptions synced;
    synced.sync = true;
    {
      const UnderWay mark(page.syncing);
      if (!took("write", db->Write(synced, &batch))) return false;
    }
    page.last_write = now();
    const std::string line = std::to_string(first) + "\n";
    return write(numbers_fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  }

  // At a pace: the loop's databases are to be many cycles old, not many gigabytes.
  void write_on() {
    while (write_batch()) pace(8);
  }

  bool churn_once() {
    {
      const UnderWay mark(page.flushing);
      if (!took("flush", db->Flush({}))) return false;
    }
    rocksdb::ColumnFamilyHandle* family = nullptr;
    {
      const UnderWay mark(page.manifest);
      if (!took("new column family", db->CreateColumnFamily({}, "passing", &family))) return false;
      const auto dropped = db->DropColumnFamily(family);
      const auto destroyed = db->DestroyColumnFamilyHandle(family);
      if (!took("drop", dropped) || !took("drop", destroyed)) return false;
    }
    // The newest tenth: a whole compaction of an old database would be all that ever runs.
    const std::uint64_t newest = next;
    const std::string begin = key_of(newest - newest / 10);
    const rocksdb::Slice from(begin);
    const UnderWay mark(page.compacting);
    return took("compaction", db->CompactRange({}, &from, nullptr));
  }

  void churn() {
    while (churn_once()) pace(5);
  }

  bool read_one(std::uint64_t number) {
    std::string value;
    const auto status = db->Get({}, key_of(number), &value);
    if (!status.ok() && !status.IsNotFound()) return took("read", status);
    ++page.checked;
    if (!status.ok() || value != value_of(number)) {
      ++page.missing;
      std::fprintf(stderr, "seal_writer: %s is not there as it was written\n",
                   key_of(number).c_str());
    }
    page.last_read = now();
    if (page.first_read == 0) page.first_read = page.last_read.load();
    return true;
  }

  bool read_batch(std::uint64_t first) {
    for (std::uint64_t number = first; number < first + kBatchKeys; ++number) {
      if (!read_one(number)) return false;
    }
    return true;
  }

  // Every acknowledged key once, then a few of them for ever: those a warm cache answers.
  void read_on() {
    for (const auto first : known) {
      if (!read_batch(first)) return;
    }
    page.check_done = page.checked.load();
    if (known.empty()) return;
    while (read_one(known.front())) pace(1);
  }
};

std::unique_ptr<rocksdb::DB> open_database(const char* path, rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = 64 << 10;
  options.target_file_size_base = 256 << 10;
  options.max_manifest_file_size = 4 << 10;  // a new MANIFEST every few edits
  // A kill between making and dropping leaves the passing family behind.
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(options, path, &names).ok()) names = {"default"};
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names) families.emplace_back(name, options);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  if (const auto status = rocksdb::DB::Open(options, path, families, &handles, &db); !status.ok()) {
    fail(path, status.ToString());
  }
  for (auto* handle : handles) {
    auto status =
        handle->GetName() == "passing" ? db->DropColumnFamily(handle) : rocksdb::Status::OK();
    if (status.ok()) status = db->DestroyColumnFamilyHandle(handle);
    if (!status.ok()) fail("a column family", status.ToString());
  }
  return std::unique_ptr<rocksdb::DB>(db);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage", "seal_writer DB STORE NUMBERS PAGE");
  Page& page = map_page(argv[4]);
  page.started = now();
  page.pid = static_cast<std::uint64_t>(getpid());

  std::vector<std::uint64_t> known;
  std::uint64_t next = kBatchKeys;
  std::ifstream numbers(argv[3]);
  for (std::uint64_t first = 0; numbers >> first; known.push_back(first)) {
    // Batches that were under way at the kill may be there or not: their numbers are not used
    // again.
    next = std::max(next, first + 10 * kBatchKeys);
  }
  std::shared_ptr<rocksdb::FileSystem> files;
  const std::string uri = std::string("keyhold://") + argv[2];
  if (const auto status = keyhold::NewRocksDBFileSystem(uri, &files); !status.ok()) {
    fail(uri.c_str(), status.ToString());
  }
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
  const int fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) fail(argv[3], "cannot be opened");

  Engine engine{page, fd, std::move(known), open_database(argv[1], env.get()), next};
  if (engine.known.empty() && engine.write_batch()) engine.known.push_back(next);
  std::thread threads[] = {
      std::thread([&] { engine.read_on(); }), std::thread([&] { engine.churn(); }),
      std::thread([&] { engine.write_on(); }), std::thread([&] { engine.write_on(); })};
  for (auto& thread : threads) thread.join();
  for (;;) pause();
}
