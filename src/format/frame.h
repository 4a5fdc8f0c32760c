// The frames of a log-like file (docs/formats/append-mode.md). Pure: bytes in, fields out.
//
//   offset size
//   0      16   marker: AES-256, under the marker key, of this frame's offset in the file (64 bit)
//               and the field `synced`
//   16     8    number: 0, 1, 2, … under one salt of the header
//   24     8    synced: frames with a lower number were on stable storage when this one was made
//   32     4    payload length, 0 to 8,136
//   36     1    kind: 1 data, 2 session
//   37     3    zero
//   40     n    data: ciphertext. session: 32 bytes of salt, in clear
//   40+n   16   tag; nonce = number, AAD = bytes 0 to 39 (session: and the salt), under the
//               session's subkey
//   …           zeros up to a multiple of 32
//
// A session frame begins every opening for append: the subkey of the frames behind it, and of its
// own tag, comes from its salt.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "format/header.h"

namespace keyhold::format {

inline constexpr std::size_t kFrameAlignment = 32;
inline constexpr std::size_t kMarkerSizeBytes = 16;
inline constexpr std::size_t kFrameHeaderSizeBytes = 40;
inline constexpr std::size_t kFrameOverheadBytes = kFrameHeaderSizeBytes + 16;
inline constexpr std::size_t kMaxFrameSizeBytes = 8192;
inline constexpr std::size_t kMaxFramePayloadBytes = kMaxFrameSizeBytes - kFrameOverheadBytes;

using Marker = std::array<std::uint8_t, kMarkerSizeBytes>;

// Persisted: the numbers never change.
enum class FrameKind : std::uint8_t { data = 1, session = 2 };

struct FrameHeader {
  Marker marker{};
  std::uint64_t number = 0;
  std::uint64_t synced = 0;
  std::uint32_t payload_bytes = 0;
  FrameKind kind = FrameKind::data;

  // On disk, padding included.
  [[nodiscard]] std::size_t size_bytes() const {
    return (kFrameOverheadBytes + payload_bytes + kFrameAlignment - 1) / kFrameAlignment *
           kFrameAlignment;
  }
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// REQUIRES: out.size() >= 40.
void serialize_frame_header(const FrameHeader& header, MutableByteView out);

// Nothing where the 40 bytes are no frame's. REQUIRES: bytes.size() >= 40.
std::optional<FrameHeader> parse_frame_header(ByteView bytes);

// The marker PRF's input. The marker depends on no session, so it speaks for `synced` even where
// the session frame that the tag needs is damaged.
Marker marker_input(std::uint64_t offset, std::uint64_t synced);

// The field `synced` of what may be a frame. REQUIRES: bytes.size() >= 32.
std::uint64_t synced_field(ByteView bytes);

}  // namespace keyhold::format
