// An engine with the plugin embedded, and a database that is in use: memtable, block cache, open
// files, an iterator. Its seal handler closes nothing, which no real program should do: so the
// process goes on living with all that in its memory when the store is sealed. Public headers only.
//
//   plugin_user STORE [returns|hangs|none]   what the seal handler does; none: it was taken back
//
// Standard input, a line a command; standard output, a line an answer:
//   use      writes, reads, flushes, compacts            "used"
//   refused  waits until the store refuses to read       "refused"
//   served   waits until it reads again                  "served"
//   resumed  waits for the handler to hear of the unseal "resumed"
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include "keyhold/rocksdb.h"
#include "keyhold/rocksdb_c.h"

namespace {

struct Handler {
  std::string does = "returns";
  std::atomic<int> sealed = 0;
  std::atomic<int> unsealed = 0;
};

void on_seal(void* arg, const char* reason) {
  auto& handler = *static_cast<Handler*>(arg);
  if (*reason != '\0') ++handler.sealed;
  while (handler.does == "hangs") ::pause();
}

void on_unseal(void* arg) {
  ++static_cast<Handler*>(arg)->unsealed;
}

void set_handler(const std::string& uri, Handler& handler) {
  char* const refused = keyhold_rocksdb_set_seal_handler("nonsense", on_seal, on_unseal, nullptr);
  char* error = keyhold_rocksdb_set_seal_handler(uri.c_str(), on_seal, on_unseal, &handler);
  if (handler.does == "none" && error == nullptr) {
    error = keyhold_rocksdb_set_seal_handler(uri.c_str(), nullptr, nullptr, nullptr);
  }
  if (error == nullptr && refused != nullptr) return std::free(refused);
  std::cerr << "plugin_user: " << (error == nullptr ? "a URI that is none was taken" : error)
            << '\n';
  std::exit(1);
}

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
  Database(const std::string& store, Handler& handler) {
    const std::string uri = "keyhold://" + store;
    must(keyhold::NewRocksDBFileSystem(uri, &files_));
    set_handler(uri, handler);
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
  if (argc < 2) return 2;
  Handler handler;
  if (argc > 2) handler.does = argv[2];
  Database database(argv[1], handler);
  std::cout << "ready" << std::endl;
  for (std::string word; std::getline(std::cin, word);) {
    if (word == "use") database.use();
    if (word == "refused") await([&] { return !database.reads(); });
    if (word == "served") await([&] { return database.reads(); });
    if (word == "resumed") await([&] { return handler.sealed > 0 && handler.unsealed > 0; });
    std::cout << (word == "use" ? "used" : word) << std::endl;
  }
  std::_Exit(0);
}
