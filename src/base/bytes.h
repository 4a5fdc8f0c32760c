// Views of bytes, little-endian numbers, hexadecimal.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyhold {

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

static_assert(std::endian::native == std::endian::little, "Keyhold runs on little-endian machines");

// REQUIRES: bytes.size() >= sizeof(T).
template <std::unsigned_integral T>
T load_le(ByteView bytes) {
  T value;
  std::memcpy(&value, bytes.first(sizeof(T)).data(), sizeof(T));
  return value;
}

// REQUIRES: bytes.size() >= sizeof(T).
template <std::unsigned_integral T>
void store_le(MutableByteView bytes, T value) {
  std::memcpy(bytes.first(sizeof(T)).data(), &value, sizeof(T));
}

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// REQUIRES: to.size() >= from.size(). The two must not overlap.
inline void copy_bytes(ByteView from, MutableByteView to) {
  if (!from.empty()) std::memcpy(to.first(from.size()).data(), from.data(), from.size());
}

bool all_zero(ByteView bytes);

// Lower case, two characters a byte.
std::string to_hex(ByteView bytes);
Result<ByteVector> from_hex(std::string_view text);

}  // namespace keyhold
