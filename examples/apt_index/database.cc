#include "database.h"

#include <keyhold/rocksdb.h>
#include <rocksdb/write_batch.h>

#include "progress.h"

namespace apt_index {
namespace {

constexpr std::uint32_t kBatchEntries = 1000;

}  // namespace

rocksdb::Status Database::open(const std::string& path, const std::string& store,
                               std::unique_ptr<Database>& database) {
  auto opened = std::make_unique<Database>();
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  if (!store.empty()) {
    std::shared_ptr<rocksdb::FileSystem> files;
    rocksdb::Status status = keyhold::NewRocksDBFileSystem("keyhold://" + store, &files);
    if (!status.ok()) return status;
    opened->env_ = rocksdb::NewCompositeEnv(files);
    options.env = opened->env_.get();
  }
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, path, &db);
  opened->db_.reset(db);
  if (status.ok()) database = std::move(opened);
  return status;
}

rocksdb::Status Database::load(const Entries& entries) {
  Progress progress("loading  ", entries.size());
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : entries) {
    rocksdb::Status status = batch.Put(key, value);
    if (status.ok() && batch.Count() == kBatchEntries) {
      status = db_->Write({}, &batch);
      batch.Clear();
    }
    if (!status.ok()) return status;
    progress.advance();
  }
  rocksdb::WriteOptions last;
  last.sync = true;
  rocksdb::Status status = db_->Write(last, &batch);
  return status.ok() ? db_->Flush({}) : status;
}

rocksdb::Status Database::query(std::string_view kind, std::string_view name, std::size_t limit,
                                std::string& answer) {
  const std::string prefix = question_prefix(kind, name);
  if (prefix.empty())
    return rocksdb::Status::InvalidArgument("ask for package, section or depends");
  const std::unique_ptr<rocksdb::Iterator> found(db_->NewIterator({}));
  std::size_t count = 0;
  for (found->Seek(prefix); found->Valid() && found->key().starts_with(prefix); found->Next()) {
    if (++count > limit) continue;
    answer += kind == "package" ? found->value().ToString()
                                : package_and_version(found->key().ToStringView()) + '\n';
  }
  if (count > limit) answer += "… and " + std::to_string(count - limit) + " more\n";
  return found->status();
}

rocksdb::Status Database::verify(const Entries& entries) {
  Progress progress("verifying", entries.size());
  const std::unique_ptr<rocksdb::Iterator> found(db_->NewIterator({}));
  found->SeekToFirst();
  for (const auto& [key, value] : entries) {
    if (!found->Valid() || found->key() != key || found->value() != value) {
      return found->status().ok()
                 ? rocksdb::Status::Corruption("the database and the input differ at",
                                               package_and_version(key))
                 : found->status();
    }
    found->Next();
    progress.advance();
  }
  if (found->Valid()) return rocksdb::Status::Corruption("the database holds more than the input");
  return found->status();
}

}  // namespace apt_index
