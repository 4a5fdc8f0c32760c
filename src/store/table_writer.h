// Writing a table-like file: full chunks as they fill, the final chunk at the first sync or close.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>

#include "format/table.h"
#include "store/files.h"
#include "store/header_block.h"
#include "store/live_files.h"
#include "store/table_keys.h"

namespace keyhold::store {

// After a failed write, and after a seal that came before the final chunk, the handle fails for
// good: a chunk is sealed once, and bytes that were held back are gone.
class TableWriter final : public AppendFile, private KeyHolder {
 public:
  // REQUIRES: `header` is that of a new file, written and synced. `direct`: `file` was opened so.
  // `live` may be null.
  TableWriter(std::string path, std::unique_ptr<io::File> file, HeaderBlock header,
              KeySource& source, crypto::Random& random, bool direct,
              std::shared_ptr<LiveFile> live,
              std::optional<format::TableGeometry> finished = std::nullopt);
  // A closed table, to be synced again. Code::integrity where the file does not end as one.
  static Result<std::unique_ptr<TableWriter>> reopen(const std::string& path,
                                                     std::unique_ptr<io::File> file,
                                                     HeaderBlock header, KeySource& source,
                                                     crypto::Random& random);
  ~TableWriter() override;

  Status append(ByteView data) override;
  Status flush() override { return {}; }
  Status sync(bool with_metadata) override;
  Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) override;
  Status reserve(std::uint64_t offset, std::uint64_t length) override;
  Status truncate(std::uint64_t size_bytes) override;
  Status close() override;
  [[nodiscard]] std::uint64_t size() const override {
    return size_bytes_.load(std::memory_order_relaxed);
  }

 private:
  void wipe_keys() override;
  Status usable() const;
  Status poison(Status status);
  Status hold(ByteView data);
  Status seal_chunks(ByteView& data);
  std::size_t seal_into(MutableByteView out, ByteView& data);
  Status switch_subkey();
  Status finish();
  Status seal_final(MutableByteView record, std::uint64_t& epoch);
  Status write_final(ByteView record);

  const std::string path_;
  const std::unique_ptr<io::File> file_;
  const bool direct_;
  const std::shared_ptr<LiveFile> live_;
  crypto::Random& random_;
  HeaderBlock header_;
  TableKeys keys_;
  std::list<KeyHolder*>::iterator place_;

  std::mutex mutex_;
  Status failure_;         // set once, for good
  bool finished_ = false;  // the final chunk is written
  bool closed_ = false;
  std::atomic<bool> reserved_ = false;
  const int process_;  // that made it; a forked child's copy never ends the file
  std::uint64_t memory_instance_;
  std::uint64_t next_chunk_ = 0;
  std::size_t held_bytes_ = 0;  // plaintext of the chunk that is not full yet
  std::array<std::uint8_t, format::kChunkPayloadBytes> held_;
  std::atomic<std::uint64_t> size_bytes_ = 0;
};

}  // namespace keyhold::store
