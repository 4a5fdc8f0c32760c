// Walking the frames of a log-like file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "format/frame.h"
#include "store/header_block.h"
#include "store/log_keys.h"

namespace keyhold::store {

struct LogPosition {
  std::uint64_t physical_offset = format::kHeaderSizeBytes;
  std::uint64_t number = 0;         // of the frame that stands there
  std::uint64_t logical_bytes = 0;  // payload before it
  std::optional<format::Salt> session;
};

// One thread at a time. Memory: one window of 12 KiB.
class LogCursor {
 public:
  LogCursor(std::string path, io::File& file, const HeaderBlock& header, KeySource& source);

  // The payload of the next data frame, valid until the next call; nothing at the log's end: where
  // the closing record says so, where frames stop, or where they are torn and nothing says that
  // they were on stable storage. Code::integrity where something does.
  Result<std::optional<ByteView>> next();
  // Behind the last frame that next() has read.
  [[nodiscard]] const LogPosition& position() const { return position_; }
  void seek(const LogPosition& position);
  // All frames of a closed log are read. What may stand behind is of a write that failed.
  [[nodiscard]] bool at_closed_end() const {
    return slot_.closed && position_.number == slot_.closing.frames;
  }
  // Goes to the next authentic frame behind a bad one; false where there is none. Its logical place
  // is then unknown.
  Result<bool> skip_damage();
  // For readers that hand the log on, each time that next() gave nothing: where that is short of
  // what once stood there (the closing record counts more frames, or whole ones follow), a power
  // loss may have taken them, so it is no error; it is logged as a warning, once.
  Status warn_of_loss();
  // The store is not sealed: what next() gave may be handed on.
  Status confirm() {
    return keys_.with([](const SealGuard::Use&) -> Status { return {}; });
  }

 private:
  struct Frame {
    format::FrameHeader header;
    ByteView payload;
  };
  Result<ByteView> window(std::uint64_t offset, std::size_t size_bytes);
  Result<std::optional<Frame>> frame_at(std::uint64_t offset,
                                        const std::optional<format::Salt>& session);
  Result<bool> authenticate(std::uint64_t offset, const Frame& frame, MutableByteView bytes,
                            const std::optional<format::Salt>& session);
  bool open_session_frame(ByteView bytes, const Frame& frame);
  Result<std::optional<std::uint64_t>> find_marker(std::uint64_t from,
                                                   std::optional<std::uint64_t> number);
  Result<std::optional<LogPosition>> find_frame(std::uint64_t from,
                                                std::optional<format::Salt> session);
  Result<std::optional<Frame>> next_frame();
  Result<bool> was_synced();
  Result<std::optional<std::uint64_t>> frames_at_least();

  const std::string path_;
  io::File& file_;
  const format::HeaderSlot slot_;
  LogKeys keys_;
  LogPosition position_;
  bool marker_behind_ = false;  // the last search saw one behind the position
  bool warned_ = false;

  std::unique_ptr<std::uint8_t[]> buffer_;
  std::uint64_t window_offset_ = 0;
  std::size_t window_size_bytes_ = 0;
};

}  // namespace keyhold::store
