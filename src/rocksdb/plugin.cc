// The shared library's surface: what keyhold/rocksdb.h and keyhold/rocksdb_c.h promise, and the
// registration that happens when the library is loaded.
#include <cstring>
#include <mutex>
#include <utility>

#include <rocksdb/utilities/object_registry.h>

#include "base/advice.h"
#include "base/log.h"
#include "crypto/process_exit.h"
#include "keyhold/rocksdb.h"
#include "keyhold/rocksdb_c.h"
#include "rocksdb/attach.h"
#include "rocksdb/engine.h"
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
    *message = made.error().message();
    if (const auto advice = advice_for(made.error().code()); !advice.empty()) {
      message->append(". ").append(advice);
    }
    log::error(*message);
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

rocksdb::Status SetRocksDBSealHandler(const std::string& uri, RocksDBSealHandler handler) {
  const auto root = rocks::root_of_uri(uri);
  if (!root) return rocks::to_io_status(root.error());
  const bool takes_back = !handler.on_seal;
  rocks::set_handler(
      *root, {.on_seal = std::move(handler.on_seal), .on_unseal = std::move(handler.on_unseal)});
  if (takes_back) {
    rocks::unpin_volume(*root);
    return rocksdb::Status::OK();
  }
  const Status pinned = rocks::pin_volume(*root);
  if (pinned) return rocksdb::Status::OK();
  rocks::set_handler(*root, {});
  return rocks::to_io_status(pinned.error());
}

}  // namespace keyhold

char* keyhold_rocksdb_set_seal_handler(const char* uri, void (*on_seal)(void*, const char*),
                                       void (*on_unseal)(void*), void* arg) {
  keyhold::RocksDBSealHandler handler;
  if (on_seal != nullptr) {
    handler.on_seal = [on_seal, arg](const std::string& reason) { on_seal(arg, reason.c_str()); };
  }
  if (on_unseal != nullptr) handler.on_unseal = [on_unseal, arg] { on_unseal(arg); };
  const rocksdb::Status set = keyhold::SetRocksDBSealHandler(uri, std::move(handler));
  return set.ok() ? nullptr : ::strdup(set.ToString().c_str());
}

int keyhold_rocksdb_register(void) {
  static std::once_flag once;
  std::call_once(once, &keyhold::add_factory);
  return 0;
}
