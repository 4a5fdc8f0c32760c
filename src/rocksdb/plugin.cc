// The shared library's surface: what keyhold/rocksdb.h and keyhold/rocksdb_c.h promise, and the
// registration that happens when the library is loaded.
#include <mutex>

#include <rocksdb/utilities/object_registry.h>

#include "base/log.h"
#include "crypto/process_exit.h"
#include "keyhold/rocksdb.h"
#include "keyhold/rocksdb_c.h"
#include "rocksdb/attach.h"
#include "rocksdb/errors.h"
#include "rocksdb/keyhold_file_system.h"
#include "rocksdb/uri.h"

namespace keyhold {
namespace {

Result<std::unique_ptr<rocksdb::FileSystem>> open_uri(const std::string& uri) {
  KEYHOLD_TRY_ASSIGN(const std::string root, rocks::root_of_uri(uri));
  KEYHOLD_TRY_ASSIGN(auto volume, rocks::attach_volume(root));
  return std::make_unique<rocks::KeyholdFileSystem>(std::move(volume));
}

// RocksDB prints what is put in `message`, but not every program prints what RocksDB says.
rocksdb::FileSystem* make_for_registry(const std::string& uri,
                                       std::unique_ptr<rocksdb::FileSystem>* owner,
                                       std::string* message) {
  auto made = open_uri(uri);
  if (!made) {
    log::error(made.error().message());
    *message = made.error().message();
    return nullptr;
  }
  *owner = *std::move(made);
  return owner->get();
}

void add_factory() {
  using rocksdb::ObjectLibrary;
  ObjectLibrary::PatternEntry entry(std::string(rocks::kScheme), false);
  entry.AddSeparator("://");
  ObjectLibrary::Default()->AddFactory<rocksdb::FileSystem>(entry, &make_for_registry);
}

// RocksDB's pool threads write until the very end of the process.
const bool registered_at_load = [] {
  crypto::keep_openssl_at_exit();
  return keyhold_rocksdb_register() == 0;
}();

}  // namespace

rocksdb::Status NewRocksDBFileSystem(const std::string& uri,
                                     std::shared_ptr<rocksdb::FileSystem>* result) {
  result->reset();
  auto made = open_uri(uri);
  if (!made) return rocks::to_io_status(made.error());
  *result = *std::move(made);
  return rocksdb::Status::OK();
}

}  // namespace keyhold

int keyhold_rocksdb_register(void) {
  static std::once_flag once;
  std::call_once(once, &keyhold::add_factory);
  return 0;
}
