#include "format/table.h"

namespace keyhold::format {

std::optional<TableGeometry> table_geometry(std::uint64_t physical_bytes) {
  if (physical_bytes < kHeaderSizeBytes + kFinalOverheadBytes) return std::nullopt;
  const std::uint64_t body = physical_bytes - kHeaderSizeBytes;
  std::uint64_t chunks = body / kChunkSizeBytes;
  std::uint64_t rest = body % kChunkSizeBytes;
  if (rest < kFinalOverheadBytes) {  // a final chunk longer than a full one
    if (chunks == 0) return std::nullopt;
    --chunks;
    rest += kChunkSizeBytes;
  }
  const std::uint64_t payload = rest - kFinalOverheadBytes;
  if (payload >= kChunkPayloadBytes) return std::nullopt;
  return TableGeometry{.full_chunks = chunks,
                       .final_payload_bytes = static_cast<std::size_t>(payload)};
}

}  // namespace keyhold::format
