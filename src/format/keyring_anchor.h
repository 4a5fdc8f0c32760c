// The anchor's statement, format 1 (docs/formats/keyring.md): how far a store's key ring had come.
//
//   offset size
//   0      8    magic "KHANCHOR"
//   8      4    format version
//   12     4    total length: 176
//   16     16   store id
//   32     8    sequence of the key ring; 0: reserved for a store that is being made
//   40     32   checksum of that key ring; zero where the sequence is 0
//   72     4    KEK version of the first MAC
//   76     32   HMAC-SHA-256 of bytes 0 to 71 under a key derived from that KEK
//   108    4    KEK version of the second MAC; 0: there is none
//   112    32   the second MAC; zero where there is none
//   144    32   SHA-256 of bytes 0 to 143
//
// Two MACs stand there only while a KEK is rotated: whichever of the two key rings a crash leaves
// can check the statement.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/kdf.h"

namespace keyhold::format {

inline constexpr std::size_t kAnchorSizeBytes = 176;
inline constexpr std::size_t kAnchorMacInputSizeBytes = 72;

struct AnchorMac {
  std::uint32_t kek_version = 0;
  crypto::Mac mac{};
  friend bool operator==(const AnchorMac&, const AnchorMac&) = default;
};

struct AnchorRecord {
  StoreId store;
  std::uint64_t sequence = 0;
  crypto::Mac digest{};
  std::array<AnchorMac, 2> macs;
  friend bool operator==(const AnchorRecord&, const AnchorRecord&) = default;
};

using AnchorMacInput = std::array<std::uint8_t, kAnchorMacInputSizeBytes>;
AnchorMacInput anchor_mac_input(const AnchorRecord& record);

ByteVector serialize_anchor(const AnchorRecord& record);

// Code::integrity where it is damaged, Code::unsupported where a newer Keyhold made it. Says
// nothing of the MACs.
Result<AnchorRecord> parse_anchor(ByteView bytes);

}  // namespace keyhold::format
