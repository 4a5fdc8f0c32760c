// Reading a table-like file at random.
#pragma once

#include <memory>
#include <string>

#include "format/table.h"
#include "store/files.h"
#include "store/header_block.h"
#include "store/table_keys.h"

namespace keyhold::store {

class TableReader final : public RandomFile {
 public:
  // Checks the final chunk: Code::integrity where the file was truncated or never closed.
  static Result<std::unique_ptr<TableReader>> open(std::string path, std::unique_ptr<io::File> file,
                                                   const HeaderBlock& header, KeySource& source,
                                                   bool direct);

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override;
  void read_many(std::span<ReadRequest> requests) override;
  void advise_random(bool random) override;
  [[nodiscard]] Result<std::uint64_t> size() override { return geometry_.logical_bytes(); }
  [[nodiscard]] FileId id() const override { return file_id_; }

 private:
  TableReader(std::string path, std::unique_ptr<io::File> file, const HeaderBlock& header,
              KeySource& source, format::TableGeometry geometry, bool direct);
  Status read_batch(std::uint64_t offset, MutableByteView out);
  Status open_chunks(ByteView physical, std::uint64_t first_chunk, std::uint64_t offset,
                     MutableByteView out) const;
  Status open_chunk(ByteView physical, std::uint64_t chunk, MutableByteView plaintext) const;
  [[nodiscard]] std::size_t payload_bytes(std::uint64_t chunk) const;
  [[nodiscard]] std::uint64_t chunk_end(std::uint64_t chunk) const;

  const std::string path_;
  const std::unique_ptr<io::File> file_;
  const FileId file_id_;
  const format::TableGeometry geometry_;
  const bool direct_;
  TableKeys keys_;
};

}  // namespace keyhold::store
