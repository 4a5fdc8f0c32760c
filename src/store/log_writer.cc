#include "store/log_writer.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "crypto/instance.h"
#include "store/scratch.h"

namespace keyhold::store {

using format::FrameHeader;
using format::FrameKind;

// Frames on their way to the disk, and where the log goes on behind them.
struct LogWriter::Batch {
  ByteView data;        // not sealed yet
  MutableByteView out;  // the rest of the scratch buffer
  LogEnd end;
  std::uint64_t epoch = 0;
};

LogWriter::LogWriter(std::string path, std::unique_ptr<io::File> file, HeaderBlock header,
                     KeySource& source, crypto::Random& random, LogEnd end,
                     std::shared_ptr<LiveFile> live, bool recycled)
    : path_(std::move(path)),
      file_(std::move(file)),
      random_(random),
      header_(std::move(header)),
      keys_(source, header_.slot()),
      live_(std::move(live)),
      recycled_(recycled),
      end_(end),
      process_(getpid()),
      memory_instance_(crypto::memory_instance()),
      synced_frames_(end.next_number) {}

Status LogWriter::append(ByteView data) {
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(Code::invalid_argument, path_ + ": append after close");
  if (live_->retired) return fail(Code::invalid_argument, path_ + ": the log has been recycled");
  while (!data.empty()) KEYHOLD_TRY(append_batch(data));
  return {};
}

Status LogWriter::append_batch(ByteView& data) {
  const MutableByteView scratch = thread_scratch();
  Batch batch{.data = data, .out = scratch, .end = end_};
  KEYHOLD_TRY(keys_.with([&](const SealGuard::Use& use) {
    batch.epoch = use.epoch();
    return seal_batch(batch);
  }));
  const auto length = static_cast<std::size_t>(batch.end.physical_offset - end_.physical_offset);
  if (Status status = file_->write_at(end_.physical_offset, scratch.first(length)); !status) {
    // These frame numbers have met these bytes under this subkey; the next try has another.
    session_open_ = false;
    return status;
  }
  data = batch.data;
  end_ = batch.end;
  live_->size_bytes.store(end_.logical_bytes, std::memory_order_release);
  keys_.source().add_sealed_bytes(header_.slot().generation, length);
  return keys_.confirm(batch.epoch);
}

// Within a use of the keys: as many frames as the buffer takes.
Status LogWriter::seal_batch(Batch& batch) {
  const bool other_memory = crypto::memory_instance() != memory_instance_;
  if (!session_open_ || other_memory || !keys_.in_session()) KEYHOLD_TRY(begin_session(batch));
  while (!batch.data.empty() && batch.out.size() >= format::kMaxFrameSizeBytes) {
    const std::size_t payload_bytes = std::min(batch.data.size(), format::kMaxFramePayloadBytes);
    const auto nonce = format::counter_nonce(batch.end.next_number);
    const MutableByteView frame = begin_frame(batch, FrameKind::data, payload_bytes);
    keys_.session().seal(
        nonce, frame.first(format::kFrameHeaderSizeBytes), batch.data.first(payload_bytes),
        frame.subspan(format::kFrameHeaderSizeBytes, payload_bytes),
        frame.subspan(format::kFrameHeaderSizeBytes + payload_bytes, crypto::kTagSizeBytes));
    batch.data = batch.data.subspan(payload_bytes);
    batch.end.logical_bytes += payload_bytes;
  }
  return {};
}

Status LogWriter::begin_session(Batch& batch) {
  memory_instance_ = crypto::memory_instance();
  const format::Salt salt = new_salt(random_);
  KEYHOLD_TRY(keys_.enter_session(salt));
  const auto nonce = format::counter_nonce(batch.end.next_number);
  const MutableByteView frame = begin_frame(batch, FrameKind::session, salt.size());
  copy_bytes(salt, frame.subspan(format::kFrameHeaderSizeBytes));
  const std::size_t authenticated = format::kFrameHeaderSizeBytes + salt.size();
  keys_.session().seal(nonce, frame.first(authenticated), {}, {},
                       frame.subspan(authenticated, crypto::kTagSizeBytes));
  session_open_ = true;
  return {};
}

// Takes the frame's bytes off the buffer, with header and padding written.
MutableByteView LogWriter::begin_frame(Batch& batch, FrameKind kind, std::size_t payload_bytes) {
  const FrameHeader header{.marker = keys_.marker_at(batch.end.physical_offset, synced_frames_),
                           .number = batch.end.next_number,
                           .synced = synced_frames_,
                           .payload_bytes = static_cast<std::uint32_t>(payload_bytes),
                           .kind = kind};
  const MutableByteView frame = batch.out.first(header.size_bytes());
  format::serialize_frame_header(header, frame);
  std::ranges::fill(frame.subspan(format::kFrameOverheadBytes + payload_bytes), std::uint8_t{0});
  batch.out = batch.out.subspan(frame.size());
  batch.end.physical_offset += frame.size();
  ++batch.end.next_number;
  return frame;
}

Status LogWriter::sync(bool with_metadata) {
  std::uint64_t frames = 0;
  std::uint64_t epoch = 0;
  {
    const std::lock_guard lock(mutex_);
    frames = end_.next_number;
    const SealGuard::Use use(keys_.source().guard());
    KEYHOLD_TRY(use.check());
    epoch = use.epoch();
  }
  KEYHOLD_TRY(with_metadata ? file_->sync_all() : file_->sync_data());
  {
    const std::lock_guard lock(mutex_);
    synced_frames_ = std::max(synced_frames_, frames);
  }
  return keys_.confirm(epoch);
}

Status LogWriter::sync_range(std::uint64_t offset, std::uint64_t length, bool wait) {
  // Frames make the file longer than its payload: everything from the logical place on is a little
  // more, never less.
  return file_->sync_range(offset, wait ? 0 : length + format::kHeaderSizeBytes, wait);
}

Status LogWriter::reserve(std::uint64_t offset, std::uint64_t length) {
  const std::lock_guard lock(mutex_);
  reserved_ = true;
  const std::uint64_t overhead = end_.physical_offset - end_.logical_bytes;
  return file_->reserve(offset + overhead, length + length / 8);
}

Status LogWriter::truncate(std::uint64_t size_bytes) {
  if (size_bytes == size()) return {};
  return fail(Code::unsupported, path_ + ": an append-mode file cannot be cut");
}

Status LogWriter::close() {
  const std::lock_guard lock(mutex_);
  if (closed_) return {};
  closed_ = true;
  Status status = process_ == getpid() ? finish() : Status();
  if (Status closing = file_->close(); status && !closing) status = closing;
  live_->closed = true;
  return status;
}

Status LogWriter::finish() {
  const std::lock_guard lock(live_->mutex);
  if (live_->retired) return {};
  KEYHOLD_TRY(write_closing_record());
  // Blocks that were reserved and not needed; a recycled log's are kept for its next life.
  if (reserved_ && !recycled_) KEYHOLD_TRY(file_->truncate(end_.physical_offset));
  return {};
}

Status LogWriter::write_closing_record() {
  format::HeaderSlot next = header_.slot();
  next.closed = true;
  next.closing = {.frames = end_.next_number,
                  .logical_bytes = end_.logical_bytes,
                  .synced_frames = synced_frames_};
  return header_.replace(*file_, keys_.source(), std::move(next));
}

}  // namespace keyhold::store
