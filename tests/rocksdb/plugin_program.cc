// A program as a user of the installed library writes it: public headers only.
//   plugin_program share URI DB    two FileSystems of one store; prints nothing, exit status 0
//   plugin_program refuse URI      the URI is refused with a status that names it
//   plugin_program exit URI DB     leaves by exit() while RocksDB flushes and compacts
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "keyhold/rocksdb.h"
#include "keyhold/rocksdb_c.h"

namespace {

void must(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

void must(const rocksdb::Status& status) {
  must(status.ok(), status.ToString());
}

std::shared_ptr<rocksdb::FileSystem> open_store(const std::string& uri) {
  std::shared_ptr<rocksdb::FileSystem> files;
  must(keyhold::NewRocksDBFileSystem(uri, &files));
  return files;
}

std::unique_ptr<rocksdb::DB> open_db(rocksdb::Env* env, const std::string& path) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = std::size_t{1} << 20;
  rocksdb::DB* db = nullptr;
  must(rocksdb::DB::Open(options, path, &db));
  return std::unique_ptr<rocksdb::DB>(db);
}

int share(const std::string& uri, const std::string& path) {
  must(keyhold_rocksdb_register() == 0, "register");
  {
    const auto first = rocksdb::NewCompositeEnv(open_store(uri));
    const auto second = rocksdb::NewCompositeEnv(open_store(uri + "/"));
    const auto db = open_db(first.get(), path);
    must(db->Put({}, "key", "value"));
    must(second->FileExists(path + "/CURRENT"));
  }
  // The first host is gone with its last reference; the registry makes another.
  rocksdb::Env* env = rocksdb::Env::Default();
  std::shared_ptr<rocksdb::Env> guard;
  must(rocksdb::Env::CreateFromUri(rocksdb::ConfigOptions(), "", uri, &env, &guard));
  const auto db = open_db(env, path);
  std::string value;
  must(db->Get({}, "key", &value));
  must(value == "value", "another value: " + value);
  return 0;
}

int refuse(const std::string& uri) {
  std::shared_ptr<rocksdb::FileSystem> files;
  const rocksdb::Status status = keyhold::NewRocksDBFileSystem(uri, &files);
  must(status.IsPathNotFound() && files == nullptr, status.ToString());
  return 0;
}

// Neither the database nor its Env is ever destroyed, so RocksDB's pool threads flush and compact
// while static objects go. (A program whose own threads still write then, or that destroys an Env
// under an open database, crashes inside RocksDB now and then, on its own FileSystem too.)
int leave_by_exit(const std::string& uri, const std::string& path) {
  auto* const env = rocksdb::NewCompositeEnv(open_store(uri)).release();
  auto* const db = open_db(env, path).release();
  const std::string value(1000, 'v');
  for (int i = 0; i < 10'000; ++i) must(db->Put({}, std::to_string(i % 3000), value));
  rocksdb::FlushOptions background;
  background.wait = false;
  must(db->Flush(background));
  std::exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "share" && argc == 4) return share(argv[2], argv[3]);
  if (mode == "refuse" && argc == 3) return refuse(argv[2]);
  if (mode == "exit" && argc == 4) return leave_by_exit(argv[2], argv[3]);
  std::fprintf(stderr, "usage: plugin_program share|refuse|exit URI [DB]\n");
  return 2;
}
