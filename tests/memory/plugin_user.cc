// An engine with the plugin embedded, and a database that is in use: memtable, block cache, open
// files, an iterator. Its seal handler closes nothing, which no real program should do: so the
// process goes on living with all that in its memory when the store is sealed. Public headers only.
//
//   plugin_user STORE
//
// Standard input, a line a command; standard output, a line an answer:
//   use      writes, reads, flushes, compacts            "used"
//   refused  waits until the store refuses to read       "refused"
//   served   waits until it reads again                  "served"
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "keyhold/rocksdb.h"

namespace {

void must(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::cerr << "plugin_user: " << status.ToString() << '\n';
  std::exit(1);
}

std::string key_of(int number) {
  return "key-" + std::to_string(number);
}

class Database {
 public:
  explicit Database(const std::string& store) {
    const std::string uri = "keyhold://" + store;
    must(keyhold::NewRocksDBFileSystem(uri, &files_));
    must(keyhold::SetRocksDBSealHandler(uri, {[](const std::string&) {}, [] {}}));
    env_ = rocksdb::NewCompositeEnv(files_);
    rocksdb::Options options;
    options.env = env_.get();
    options.create_if_missing = true;
    options.write_buffer_size = 256 << 10;
    rocksdb::DB* db = nullptr;
    path_ = store + "/db";
    must(rocksdb::DB::Open(options, path_, &db));
    db_.reset(db);
  }

  void use() {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    for (int i = 0; i < 3000; ++i) must(db_->Put({}, key_of(i), std::string(500, 'v')));
    must(db_->Put(synced, key_of(0), "synced"));
    must(db_->Flush({}));
    must(db_->CompactRange({}, nullptr, nullptr));
    must(db_->Put(synced, key_of(1), "in the memtable"));
    std::string value;
    for (int i = 0; i < 3000; i += 7) must(db_->Get({}, key_of(i), &value));
    iterator_.reset(db_->NewIterator({}));
    iterator_->SeekToFirst();
    must(iterator_->status());
  }

  bool reads() {
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    auto status = files_->NewSequentialFile(path_ + "/CURRENT", {}, &file, nullptr);
    if (!status.ok()) return false;
    std::string scratch(100, '\0');
    rocksdb::Slice content;
    return file->Read(scratch.size(), {}, &content, scratch.data(), nullptr).ok();
  }

 private:
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
  std::string path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

void await(const std::function<bool()>& holds) {
  for (int attempt = 0; !holds(); ++attempt) {
    if (attempt == 1200) {
      std::cerr << "plugin_user: it never came true\n";
      std::exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // bounded poll
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Database database(argv[1]);
  std::cout << "ready" << std::endl;
  for (std::string word; std::getline(std::cin, word);) {
    if (word == "use") database.use();
    if (word == "refused") await([&] { return !database.reads(); });
    if (word == "served") await([&] { return database.reads(); });
    std::cout << (word == "use" ? "used" : word) << std::endl;
  }
  std::_Exit(0);
}
