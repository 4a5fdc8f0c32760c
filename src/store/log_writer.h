// Writing a log-like file: every append becomes frames, written at once; bytes once acknowledged
// are never written again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "format/frame.h"
#include "store/files.h"
#include "store/header_block.h"
#include "store/live_files.h"
#include "store/log_keys.h"

namespace keyhold::store {

// Where a log goes on.
struct LogEnd {
  std::uint64_t physical_offset = format::kHeaderSizeBytes;
  std::uint64_t next_number = 0;
  std::uint64_t logical_bytes = 0;
};

// A failed write, a seal, a fork and a clone end the session; the next append begins another, with
// a subkey of its own, at the same place.
class LogWriter final : public AppendFile {
 public:
  // REQUIRES: nothing valid stands behind `end` under this header; `live` counts from
  // end.logical_bytes.
  LogWriter(std::string path, std::unique_ptr<io::File> file, HeaderBlock header, KeySource& source,
            crypto::Random& random, LogEnd end, std::shared_ptr<LiveFile> live, bool recycled);

  Status append(ByteView data) override;
  Status flush() override { return {}; }
  Status sync(bool with_metadata) override;
  Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) override;
  Status reserve(std::uint64_t offset, std::uint64_t length) override;
  Status truncate(std::uint64_t size_bytes) override;
  Status close() override;
  [[nodiscard]] std::uint64_t size() const override {
    return live_->size_bytes.load(std::memory_order_acquire);
  }

 private:
  struct Batch;
  Status append_batch(ByteView& data);
  Status seal_batch(Batch& batch);
  Status begin_session(Batch& batch);
  MutableByteView begin_frame(Batch& batch, format::FrameKind kind, std::size_t payload_bytes);
  Status finish();
  Status write_closing_record();

  const std::string path_;
  const std::unique_ptr<io::File> file_;
  crypto::Random& random_;
  HeaderBlock header_;
  LogKeys keys_;
  const std::shared_ptr<LiveFile> live_;
  const bool recycled_;

  std::mutex mutex_;
  LogEnd end_;
  bool session_open_ = false;
  bool reserved_ = false;
  bool closed_ = false;
  const int process_;  // that made it; a forked child's copy never ends the file
  std::uint64_t memory_instance_;
  std::uint64_t synced_frames_;  // frames with a lower number are on stable storage
};

}  // namespace keyhold::store
