#include "format/frame.h"

namespace keyhold::format {
namespace {

constexpr std::size_t kNumberAt = 16;
constexpr std::size_t kSyncedAt = 24;
constexpr std::size_t kLengthAt = 32;
constexpr std::size_t kKindAt = 36;

}  // namespace

void serialize_frame_header(const FrameHeader& header, MutableByteView out) {
  copy_bytes(header.marker, out);
  store_le<std::uint64_t>(out.subspan(kNumberAt), header.number);
  store_le<std::uint64_t>(out.subspan(kSyncedAt), header.synced);
  store_le<std::uint32_t>(out.subspan(kLengthAt), header.payload_bytes);
  store_le<std::uint32_t>(out.subspan(kKindAt), static_cast<std::uint32_t>(header.kind));
}

std::optional<FrameHeader> parse_frame_header(ByteView bytes) {
  FrameHeader header;
  copy_bytes(bytes.first(kMarkerSizeBytes), header.marker);
  header.number = load_le<std::uint64_t>(bytes.subspan(kNumberAt));
  header.synced = load_le<std::uint64_t>(bytes.subspan(kSyncedAt));
  header.payload_bytes = load_le<std::uint32_t>(bytes.subspan(kLengthAt));
  const auto kind = load_le<std::uint32_t>(bytes.subspan(kKindAt));
  if (kind != 1 && kind != 2) return std::nullopt;
  header.kind = static_cast<FrameKind>(kind);
  if (header.payload_bytes > kMaxFramePayloadBytes || header.synced > header.number)
    return std::nullopt;
  if (header.kind == FrameKind::session && header.payload_bytes != kSaltSizeBytes)
    return std::nullopt;
  return header;
}

Marker marker_input(std::uint64_t offset, std::uint64_t synced) {
  Marker input{};
  store_le<std::uint64_t>(input, offset);
  store_le<std::uint64_t>(MutableByteView(input).subspan(8), synced);
  return input;
}

std::uint64_t synced_field(ByteView bytes) {
  return load_le<std::uint64_t>(bytes.subspan(kSyncedAt));
}

}  // namespace keyhold::format
