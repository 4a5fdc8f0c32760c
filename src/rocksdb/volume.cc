#include "rocksdb/volume.h"

#include <filesystem>
#include <utility>

namespace keyhold::rocks {
namespace {

Result<std::string> absolute(const std::string& name) {
  if (name.starts_with('/')) return name;
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  if (error) return fail_errno(error.value(), "the working directory of " + name);
  return io::join_path(here.string(), name);
}

}  // namespace

Volume::Volume(io::FileSystem& files, store::KeySource& keys, crypto::Random& random,
               std::string root)
    : keys_(keys), store_(files, keys, random, std::move(root)) {}

Volume::Volume(io::FileSystem& files, std::unique_ptr<host::StoreKeys> keys, crypto::Random& random,
               std::string root)
    : owned_keys_(std::move(keys)),
      keys_(*owned_keys_),
      store_(files, keys_, random, std::move(root)) {}

Status Volume::work_on_files(const Clock& clock) {
  KEYHOLD_TRY_ASSIGN(worker_, host::FileWorker::start(*owned_keys_, store_, clock, true));
  return {};
}

Result<std::string> Volume::locate(const std::string& name) const {
  KEYHOLD_TRY(store::SealGuard::Use(keys_.guard()).check());
  KEYHOLD_TRY_ASSIGN(const std::string path, absolute(name));
  auto located = store_.locate(path);
  if (located || located.error().code() != Code::permission) return located;
  return fail(Code::invalid_argument,
              located.error().message() + " (RocksDB's --db, --file, wal_dir, db_log_dir)");
}

bool Volume::hides(std::string_view directory, std::string_view name) const {
  if (name.starts_with(store::kTemporaryPrefix)) return true;
  return directory == root() && (name == store::kPrivateFolder || name == store::kMountFolder);
}

}  // namespace keyhold::rocks
