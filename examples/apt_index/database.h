// The package index in RocksDB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "package_index.h"

namespace apt_index {

// Thread-safe as RocksDB is. Every member's status is RocksDB's own.
class Database {
 public:
  // With a store, all files go through Keyhold; without, to the disk as they are. Nothing is
  // compressed, so that a search of the raw files of a plain database finds what is in it.
  static rocksdb::Status open(const std::string& path, const std::string& store,
                              std::unique_ptr<Database>& database);

  // In batches of 1,000, then flushed.
  rocksdb::Status load(const Entries& entries);
  // At most `limit` answers, "package version" a line; of a package, its whole record.
  rocksdb::Status query(std::string_view kind, std::string_view name, std::size_t limit,
                        std::string& answer);
  // Corruption where the database does not hold exactly these entries, and numbered records 1 to
  // `numbered` without a gap.
  rocksdb::Status verify(const Entries& entries, std::uint64_t& numbered);

  // Synced when it returns.
  rocksdb::Status write_numbered(std::uint64_t number);
  // 0 where there is none. Corruption where one before it is missing.
  rocksdb::Status last_numbered(std::uint64_t& number);
  // Reads every n-th package's record, about `count`, into the block cache, and returns their keys.
  rocksdb::Status warm(std::size_t count, std::vector<std::string>& keys);
  // from_cache: without any I/O.
  rocksdb::Status read(const std::string& key, bool& from_cache);

 private:
  std::unique_ptr<rocksdb::Env> env_;  // outlives the database
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace apt_index
