// Reads little-endian fields from bytes that nobody vouches for. A field beyond the end gives zero
// or nothing and marks the reader failed, so that a parser reads like the record's layout and asks
// once, at the end.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"

namespace keyhold::format {

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }

  // A view into what is read; empty where it is not there.
  ByteView bytes(std::size_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  template <std::size_t size>
  std::array<std::uint8_t, size> array() {
    std::array<std::uint8_t, size> out{};
    copy_bytes(bytes(size), out);
    return out;
  }

  template <typename Id>
  Id id() {
    return Id(array<Id::kSizeBytes>());
  }

  // u16 length, then that many bytes, at most `limit`.
  ByteView counted(std::size_t limit) {
    const std::size_t size = u16();
    if (size > limit) fail();
    return ok() ? bytes(size) : ByteView{};
  }
  std::string text(std::size_t limit) { return std::string(as_text(counted(limit))); }

  void fail() {
    failed_ = true;
    rest_ = {};
  }
  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  // Everything was there, and nothing is left.
  [[nodiscard]] bool done() const { return ok() && rest_.empty(); }

 private:
  template <std::unsigned_integral T>
  T number() {
    const ByteView taken = bytes(sizeof(T));
    return ok() ? load_le<T>(taken) : T{0};
  }

  ByteView rest_;
  bool failed_ = false;
};

}  // namespace keyhold::format
