// Reading a table-like file from beginning to end.
#pragma once

#include <memory>

#include "store/table_reader.h"

namespace keyhold::store {

class TableSequentialReader final : public SequentialFile {
 public:
  explicit TableSequentialReader(std::unique_ptr<TableReader> table) : table_(std::move(table)) {}

  Result<std::size_t> read(MutableByteView out) override {
    KEYHOLD_TRY_ASSIGN(const std::size_t count, table_->read(offset_, out));
    offset_ += count;
    return count;
  }
  Status skip(std::uint64_t bytes) override {
    offset_ += bytes;
    return {};
  }

 private:
  const std::unique_ptr<TableReader> table_;
  std::uint64_t offset_ = 0;
};

}  // namespace keyhold::store
