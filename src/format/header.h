// The header of an encrypted file: one block of 4096 bytes with two slots of 512
// (docs/formats/append-mode.md). Pure: bytes in, fields out; keys and MACs are the caller's.
//
// Both slots are valid from a file's first day on, and their sequence numbers differ by one: the
// greater is in force. A change of the header writes the other slot, one sector, so a crash leaves
// the old state or the new. A slot that is not valid is always damage.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"

namespace keyhold::format {

inline constexpr std::size_t kHeaderSizeBytes = 4096;
inline constexpr std::size_t kSlotSizeBytes = 512;
inline constexpr std::size_t kSlotCount = 2;
inline constexpr std::size_t kSlotMacOffset = 480;
inline constexpr std::size_t kSaltSizeBytes = 32;
inline constexpr std::size_t kMaxSubkeySwitches = 4;
inline constexpr std::uint16_t kHeaderVersion = 1;

using Salt = std::array<std::uint8_t, kSaltSizeBytes>;

// Persisted: the numbers never change.
enum class Mode : std::uint8_t { table = 1, log = 2, page = 3 };

// HKDF-SHA-256 for keys, HMAC-SHA-256 for the header, AES-256-GCM for chunks and frames.
inline constexpr std::uint8_t kSuiteGcm = 1;

// Table: chunks from `first_chunk` on stand under a subkey from this salt (the writer's memory was
// forked or cloned meanwhile).
struct SubkeySwitch {
  std::uint64_t first_chunk;
  Salt salt;
  friend bool operator==(const SubkeySwitch&, const SubkeySwitch&) = default;
};

// Log: what its writer left when it closed.
struct Closing {
  std::uint64_t frames;         // frames in the file
  std::uint64_t logical_bytes;  // their payload
  std::uint64_t synced_frames;  // known to be on stable storage then
  friend bool operator==(const Closing&, const Closing&) = default;
};

struct HeaderSlot {
  Mode mode{};
  StoreId store_id;
  FileId file_id;
  Generation generation{};
  std::uint64_t sequence = 0;
  Salt salt{};
  bool closed = false;
  Closing closing{};  // zero unless closed
  std::vector<SubkeySwitch> switches{};
  std::array<std::uint8_t, 32> mac{};

  friend bool operator==(const HeaderSlot&, const HeaderSlot&) = default;
};

// REQUIRES: out.size() == 512, at most kMaxSubkeySwitches switches.
void serialize_slot(const HeaderSlot& slot, MutableByteView out);

// Code::integrity where the bytes are no slot, Code::unsupported where a newer Keyhold wrote them.
Result<HeaderSlot> parse_slot(ByteView bytes);

// Whether a file that begins so bears Keyhold's mark in either slot, be it damaged otherwise.
bool bears_mark(ByteView block);

// What the slot's MAC covers. REQUIRES: slot.size() == 512.
inline ByteView slot_mac_input(ByteView slot) {
  return slot.first(kSlotMacOffset);
}

struct Header {
  std::array<HeaderSlot, kSlotCount> slots;
  [[nodiscard]] std::size_t current_index() const {
    return slots[1].sequence > slots[0].sequence ? 1 : 0;
  }
  [[nodiscard]] const HeaderSlot& current() const { return slots[current_index()]; }
};

// Checks everything but the MACs. REQUIRES: block.size() == 4096.
Result<Header> parse_header(ByteView block);

// The input of the file secret's derivation beside the salt: what makes the same salt another key
// in another store, file or mode.
std::array<std::uint8_t, 40> file_secret_context(const HeaderSlot& slot);

// Nonce of chunk or frame `counter`: 64 bit, little-endian, and four zero bytes.
std::array<std::uint8_t, 12> counter_nonce(std::uint64_t counter);

}  // namespace keyhold::format
