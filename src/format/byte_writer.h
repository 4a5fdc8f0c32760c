// Appends little-endian fields to a vector: the other side of byte_reader.h.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace keyhold::format {

class ByteWriter {
 public:
  void u8(std::uint8_t value) { number(value); }
  void u16(std::uint16_t value) { number(value); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }
  void bytes(ByteView value) { out_.insert(out_.end(), value.begin(), value.end()); }

  // u16 length, then the bytes. REQUIRES: value.size() < 65536.
  void counted(ByteView value) {
    assert(value.size() <= std::numeric_limits<std::uint16_t>::max());
    u16(static_cast<std::uint16_t>(value.size()));
    bytes(value);
  }
  void text(std::string_view value) { counted(as_bytes(value)); }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteView view() const { return out_; }
  [[nodiscard]] ByteVector take() { return std::move(out_); }

 private:
  template <std::unsigned_integral T>
  void number(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store_le(MutableByteView(out_).subspan(at), value);
  }

  ByteVector out_;
};

}  // namespace keyhold::format
