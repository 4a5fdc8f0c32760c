#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <rocksdb/c.h>
#include <rocksdb/env.h>

#include "keyhold/rocksdb.h"
#include "keyhold/rocksdb_c.h"

// RocksDB's C API has no way to a file system of ours, and keeps this type to itself: as it is in
// 7.8, the one release that the library is built for.
struct rocksdb_env_t {
  rocksdb::Env* rep;
  bool is_default;
};

namespace {

// The type is what we take it for: its one object that anybody can get says so.
bool env_type_is_known() {
  rocksdb_env_t* const standard = rocksdb_create_default_env();
  const bool known = standard->rep == rocksdb::Env::Default() && standard->is_default;
  rocksdb_env_destroy(standard);
  return known;
}

// In place of an earlier message, as every function of RocksDB's C API does.
void set_error(char** error, const std::string& message) {
  std::free(*error);
  *error = ::strdup(message.c_str());
}

}  // namespace

extern "C" rocksdb_env_t* keyhold_rocksdb_create_env(const char* uri, char** error) {
  if (!env_type_is_known()) {
    set_error(error, "this librocksdb is not the one that Keyhold was built for");
    return nullptr;
  }
  std::shared_ptr<rocksdb::FileSystem> files;
  const rocksdb::Status status = keyhold::NewRocksDBFileSystem(uri, &files);
  if (!status.ok()) {
    set_error(error, status.ToString());
    return nullptr;
  }
  return new rocksdb_env_t{rocksdb::NewCompositeEnv(files).release(), false};
}
