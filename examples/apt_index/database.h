// The package index in RocksDB.
#pragma once

#include <memory>
#include <string>

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
  // Corruption where the database does not hold exactly these entries.
  rocksdb::Status verify(const Entries& entries);

 private:
  std::unique_ptr<rocksdb::Env> env_;  // outlives the database
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace apt_index
