#include "store/log_cursor.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "store/scratch.h"

namespace keyhold::store {
namespace {

using format::FrameKind;
using format::kFrameAlignment;
using format::kFrameHeaderSizeBytes;
using format::kMarkerSizeBytes;

constexpr std::size_t kWindowSizeBytes = 12288;
static_assert(kWindowSizeBytes >= format::kMaxFrameSizeBytes);

// The scratch buffer while markers are sought: the file's bytes, the PRF's inputs, its outputs.
constexpr std::size_t kScanSizeBytes = kScratchSizeBytes / 2;
constexpr std::size_t kScanMarkers = kScanSizeBytes / kFrameAlignment;
static_assert(kScanSizeBytes + 2 * kScanMarkers * kMarkerSizeBytes <= kScratchSizeBytes);

// A hole, or space that was reserved: no marker stands there, and asking the PRF about every 32
// bytes of a sparse file would take ten times as long. (A marker of zeros has a chance of 2^-128.)
bool is_hole(ByteView bytes) {
  return !bytes.empty() && bytes.front() == 0 &&
         std::ranges::equal(bytes.first(bytes.size() - 1), bytes.subspan(1));
}

}  // namespace

LogCursor::LogCursor(std::string path, io::File& file, const HeaderBlock& header, KeySource& source)
    : path_(std::move(path)),
      file_(file),
      slot_(header.slot()),
      keys_(source, header.slot()),
      buffer_(new std::uint8_t[kWindowSizeBytes]) {}

void LogCursor::seek(const LogPosition& position) {
  position_ = position;
  window_size_bytes_ = 0;
}

// Bytes of the file from `offset`, at most `size_bytes`; fewer at its end. They are the caller's to
// change.
Result<ByteView> LogCursor::window(std::uint64_t offset, std::size_t size_bytes) {
  const bool inside =
      offset >= window_offset_ && offset + size_bytes <= window_offset_ + window_size_bytes_;
  if (!inside) {
    window_size_bytes_ = 0;
    KEYHOLD_TRY_ASSIGN(window_size_bytes_,
                       file_.read_at(offset, {buffer_.get(), kWindowSizeBytes}));
    window_offset_ = offset;
  }
  const auto skip = static_cast<std::size_t>(offset - window_offset_);
  return ByteView(buffer_.get() + skip, std::min(size_bytes, window_size_bytes_ - skip));
}

// The authentic frame at `offset`, its payload decrypted in the window.
Result<std::optional<LogCursor::Frame>> LogCursor::frame_at(
    std::uint64_t offset, const std::optional<format::Salt>& session) {
  KEYHOLD_TRY_ASSIGN(const ByteView start, window(offset, kFrameHeaderSizeBytes));
  if (start.size() < kFrameHeaderSizeBytes) return std::nullopt;
  const auto header = format::parse_frame_header(start);
  if (!header) return std::nullopt;
  KEYHOLD_TRY_ASSIGN(const ByteView bytes, window(offset, header->size_bytes()));
  if (bytes.size() < header->size_bytes()) return std::nullopt;
  const Frame frame{*header, bytes.subspan(kFrameHeaderSizeBytes, header->payload_bytes)};
  const auto skip = static_cast<std::size_t>(offset - window_offset_);
  KEYHOLD_TRY_ASSIGN(const bool authentic,
                     authenticate(offset, frame, {buffer_.get() + skip, bytes.size()}, session));
  if (!authentic) {
    window_size_bytes_ = 0;  // the attempt may have overwritten the window
    return std::nullopt;
  }
  return frame;
}

Result<bool> LogCursor::authenticate(std::uint64_t offset, const Frame& frame,
                                     MutableByteView bytes,
                                     const std::optional<format::Salt>& session) {
  const std::size_t used = format::kFrameOverheadBytes + frame.header.payload_bytes;
  if (!all_zero(bytes.subspan(used))) return false;
  return keys_.with([&](const SealGuard::Use&) -> Result<bool> {
    std::array<std::uint8_t, kMarkerSizeBytes> marker{};
    keys_.marker().evaluate(format::marker_input(offset, frame.header.synced), marker);
    if (!crypto::equal_constant_time(marker, frame.header.marker)) return false;
    format::Salt salt{};
    if (frame.header.kind == FrameKind::session) {
      copy_bytes(frame.payload, salt);
      KEYHOLD_TRY(keys_.enter_session(salt));
      return open_session_frame(bytes, frame);
    }
    if (!session) return false;
    KEYHOLD_TRY(keys_.enter_session(*session));
    const MutableByteView payload =
        bytes.subspan(kFrameHeaderSizeBytes, frame.header.payload_bytes);
    return keys_.session().open(
        format::counter_nonce(frame.header.number), bytes.first(kFrameHeaderSizeBytes), payload,
        bytes.subspan(used - crypto::kTagSizeBytes, crypto::kTagSizeBytes), payload);
  });
}

bool LogCursor::open_session_frame(ByteView bytes, const Frame& frame) {
  const std::size_t authenticated = kFrameHeaderSizeBytes + frame.header.payload_bytes;
  return keys_.session().open(format::counter_nonce(frame.header.number),
                              bytes.first(authenticated), {},
                              bytes.subspan(authenticated, crypto::kTagSizeBytes), {});
}

Result<std::optional<ByteView>> LogCursor::next() {
  for (;;) {
    if (at_closed_end()) return std::nullopt;
    KEYHOLD_TRY_ASSIGN(const auto frame, next_frame());
    if (!frame) return std::nullopt;
    position_.physical_offset += frame->header.size_bytes();
    ++position_.number;
    if (frame->header.kind == FrameKind::session) {
      copy_bytes(frame->payload, position_.session.emplace());
    } else if (!frame->payload.empty()) {
      position_.logical_bytes += frame->payload.size();
      return frame->payload;
    }
  }
}

// The frame at the position, or nothing where the log ends there. A writer beside us may finish it
// while we look: the window is read again before that is believed, and once more before damage is.
Result<std::optional<LogCursor::Frame>> LogCursor::next_frame() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    KEYHOLD_TRY_ASSIGN(const auto frame, frame_at(position_.physical_offset, position_.session));
    if (frame && frame->header.number == position_.number) return frame;
    window_size_bytes_ = 0;
    if (attempt != 1) continue;
    KEYHOLD_TRY_ASSIGN(const bool witnessed, was_synced());
    if (!witnessed) return std::nullopt;
  }
  return fail(Code::integrity, path_ + ": frame " + std::to_string(position_.number) +
                                   " at offset " + std::to_string(position_.physical_offset) +
                                   " is damaged or missing, though it was on stable storage");
}

// Whether something says that the frame at the position was on stable storage.
Result<bool> LogCursor::was_synced() {
  if (slot_.closed && slot_.closing.synced_frames > position_.number) return true;
  KEYHOLD_TRY_ASSIGN(const auto witness,
                     find_marker(position_.physical_offset + kFrameAlignment, position_.number));
  return witness.has_value();
}

// How many frames the log once had, where it is known and more than were read.
Result<std::optional<std::uint64_t>> LogCursor::frames_at_least() {
  if (at_closed_end()) return std::nullopt;
  if (slot_.closed) return slot_.closing.frames;
  if (!marker_behind_) return std::nullopt;
  KEYHOLD_TRY_ASSIGN(const auto later, find_frame(position_.physical_offset, position_.session));
  // A writer beside us may have finished meanwhile what was torn before.
  window_size_bytes_ = 0;
  KEYHOLD_TRY_ASSIGN(const auto here, frame_at(position_.physical_offset, position_.session));
  window_size_bytes_ = 0;
  if (here || !later || later->number <= position_.number) return std::nullopt;
  return later->number + 1;
}

Status LogCursor::warn_of_loss() {
  if (warned_) return {};
  KEYHOLD_TRY_ASSIGN(const auto frames, frames_at_least());
  if (!frames) return {};
  warned_ = true;
  log::warning(path_ + ": frame " + std::to_string(position_.number) + " at offset " +
               std::to_string(position_.physical_offset) +
               " is damaged or missing; nothing says that it was synced, so a power loss may have "
               "taken it: " +
               std::to_string(position_.number) + " of " + (slot_.closed ? "" : "at least ") +
               std::to_string(*frames) + " frames readable, the rest is left out");
  return {};
}

// The first aligned offset from `from` on where a keyed marker for just that offset stands, and
// names frame `number` as synced.
Result<std::optional<std::uint64_t>> LogCursor::find_marker(std::uint64_t from,
                                                            std::optional<std::uint64_t> number) {
  const MutableByteView scratch = thread_scratch();
  const MutableByteView inputs = scratch.subspan(kScanSizeBytes, kScanMarkers * kMarkerSizeBytes);
  const MutableByteView markers = scratch.subspan(kScanSizeBytes + inputs.size(), inputs.size());
  marker_behind_ = false;
  for (;; from += kScanSizeBytes) {
    KEYHOLD_TRY_ASSIGN(const std::size_t count, file_.read_at(from, scratch.first(kScanSizeBytes)));
    const std::size_t slots = is_hole(scratch.first(count)) ? 0 : count / kFrameAlignment;
    for (std::size_t i = 0; i < slots; ++i) {
      const std::uint64_t synced =
          format::synced_field(scratch.subspan(i * kFrameAlignment, kFrameAlignment));
      copy_bytes(format::marker_input(from + i * kFrameAlignment, synced),
                 inputs.subspan(i * kMarkerSizeBytes));
    }
    KEYHOLD_TRY(keys_.with([&](const SealGuard::Use&) -> Status {
      keys_.marker().evaluate(inputs.first(slots * kMarkerSizeBytes),
                              markers.first(slots * kMarkerSizeBytes));
      return {};
    }));
    for (std::size_t i = 0; i < slots; ++i) {
      const ByteView candidate = scratch.subspan(i * kFrameAlignment, kFrameAlignment);
      const bool marked =
          std::ranges::equal(markers.subspan(i * kMarkerSizeBytes, kMarkerSizeBytes),
                             candidate.first(kMarkerSizeBytes));
      marker_behind_ = marker_behind_ || marked;
      if (marked && (!number || format::synced_field(candidate) > *number))
        return from + i * kFrameAlignment;
    }
    if (count < kScanSizeBytes) return std::nullopt;
  }
}

// The first authentic frame behind the one at `from`.
Result<std::optional<LogPosition>> LogCursor::find_frame(std::uint64_t from,
                                                         std::optional<format::Salt> session) {
  for (std::uint64_t offset = from;;) {
    KEYHOLD_TRY_ASSIGN(const auto candidate, find_marker(offset + kFrameAlignment, std::nullopt));
    if (!candidate) return std::nullopt;
    offset = *candidate;
    KEYHOLD_TRY_ASSIGN(const auto frame, frame_at(offset, session));
    if (!frame) continue;
    if (frame->header.kind == FrameKind::session) copy_bytes(frame->payload, session.emplace());
    window_size_bytes_ = 0;  // decrypted in place; next() reads it again
    return LogPosition{.physical_offset = offset,
                       .number = frame->header.number,
                       .logical_bytes = 0,
                       .session = session};
  }
}

Result<bool> LogCursor::skip_damage() {
  KEYHOLD_TRY_ASSIGN(const auto found, find_frame(position_.physical_offset, position_.session));
  if (!found) return false;
  const std::uint64_t logical = position_.logical_bytes;
  seek(*found);
  position_.logical_bytes = logical;
  return true;
}

}  // namespace keyhold::store
