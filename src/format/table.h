// The geometry of a table-like file (docs/formats/append-mode.md): header, full chunks, one final
// chunk. Pure.
//
//   4096 + 4096·i   chunk i: 4080 bytes of ciphertext, 16 of tag; nonce = i, no AAD
//   behind them     the final chunk: 32 bytes of salt, 0 to 4079 of ciphertext, 16 of tag;
//                   zero nonce, AAD = number of full chunks (64 bit)
//
// The final chunk is there even when it holds nothing, so truncation always shows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "format/header.h"

namespace keyhold::format {

inline constexpr std::size_t kChunkSizeBytes = 4096;
inline constexpr std::size_t kChunkPayloadBytes = 4080;
inline constexpr std::size_t kFinalOverheadBytes = kSaltSizeBytes + 16;

struct TableGeometry {
  std::uint64_t full_chunks = 0;
  std::size_t final_payload_bytes = 0;

  [[nodiscard]] std::uint64_t logical_bytes() const {
    return full_chunks * kChunkPayloadBytes + final_payload_bytes;
  }
  [[nodiscard]] std::uint64_t final_offset() const {
    return kHeaderSizeBytes + full_chunks * kChunkSizeBytes;
  }
  [[nodiscard]] std::size_t final_size_bytes() const {
    return kFinalOverheadBytes + final_payload_bytes;
  }
  [[nodiscard]] std::uint64_t physical_bytes() const { return final_offset() + final_size_bytes(); }
};

// Nothing where no closed table has this size. The sizes of the final chunk (48 to 4127 bytes) make
// the answer unique.
std::optional<TableGeometry> table_geometry(std::uint64_t physical_bytes);

// Payload of the full chunks of a table that was never closed.
constexpr std::uint64_t whole_chunk_bytes(std::uint64_t physical_bytes) {
  if (physical_bytes < kHeaderSizeBytes) return 0;
  return (physical_bytes - kHeaderSizeBytes) / kChunkSizeBytes * kChunkPayloadBytes;
}

}  // namespace keyhold::format
