#include "database.h"

#include <cstdio>

#include <keyhold/rocksdb.h>
#include <rocksdb/cache.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "progress.h"

namespace apt_index {
namespace {

constexpr std::uint32_t kBatchEntries = 1000;
constexpr std::size_t kBlockCacheBytes = 128U << 20U;
// Behind every key of the index.
constexpr std::string_view kNumbered = "z";

std::string numbered_key(std::uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%012llu", static_cast<unsigned long long>(number));
  return std::string(kNumbered) + digits;
}

// From the first numbered record at `found` to the end.
rocksdb::Status count_numbered(rocksdb::Iterator& found, std::uint64_t& number) {
  for (number = 0; found.Valid(); found.Next()) {
    if (found.key() != numbered_key(++number))
      return rocksdb::Status::Corruption("the database lacks", numbered_key(number));
  }
  return found.status();
}

}  // namespace

rocksdb::Status Database::open(const std::string& path, const std::string& store,
                               std::unique_ptr<Database>& database) {
  auto opened = std::make_unique<Database>();
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
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

rocksdb::Status Database::verify(const Entries& entries, std::uint64_t& numbered) {
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
  return count_numbered(*found, numbered);
}

rocksdb::Status Database::write_numbered(std::uint64_t number) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  return db_->Put(synced, numbered_key(number), "written");
}

rocksdb::Status Database::last_numbered(std::uint64_t& number) {
  const std::unique_ptr<rocksdb::Iterator> found(db_->NewIterator({}));
  found->Seek(kNumbered);
  return count_numbered(*found, number);
}

rocksdb::Status Database::warm(std::size_t count, std::vector<std::string>& keys) {
  const std::string packages = record_key("", "").substr(0, 2);
  std::vector<std::string> all;
  const std::unique_ptr<rocksdb::Iterator> found(db_->NewIterator({}));
  for (found->Seek(packages); found->Valid() && found->key().starts_with(packages); found->Next())
    all.push_back(found->key().ToString());
  if (!found->status().ok()) return found->status();
  if (all.empty()) return rocksdb::Status::NotFound("the index is empty: load it first");
  for (std::size_t i = 0; i < all.size(); i += all.size() / count + 1) {
    bool from_cache = false;
    const rocksdb::Status status = read(all[i], from_cache);
    if (!status.ok()) return status;
    keys.push_back(all[i]);
  }
  return {};
}

rocksdb::Status Database::read(const std::string& key, bool& from_cache) {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  std::string value;
  rocksdb::Status status = db_->Get(options, key, &value);
  from_cache = !status.IsIncomplete();
  return from_cache ? status : db_->Get({}, key, &value);
}

}  // namespace apt_index
