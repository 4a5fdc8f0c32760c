// A store in memory whose files the table and log targets damage.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "crypto/kdf.h"
#include "crypto/labels.h"
#include "format/byte_reader.h"
#include "io/memory_file_system.h"
#include "store/header_block.h"
#include "store/store.h"
#include "store/test_key_source.h"
#include "target.h"

namespace keyhold::fuzz {

inline constexpr const char* kPath = "/f";

// A file as its writer left it, and what it holds.
struct Example {
  ByteVector raw;
  ByteVector content;
};

// Bytes that differ from place to place.
inline ByteVector content_of(std::size_t size_bytes) {
  ByteVector content(size_bytes);
  for (std::size_t i = 0; i < size_bytes; ++i)
    content[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return content;
}

struct ScratchStore {
  store::TestKeySource keys;
  io::MemoryFileSystem disk;
  store::Store store{disk, keys, crypto::system_random(), "/"};

  void put(ByteView raw) {
    if (const auto there = disk.info(kPath); !there) {
      const auto made = disk.open(kPath, {.access = io::OpenOptions::Access::read_write,
                                          .create = io::OpenOptions::Create::exclusive});
      require(made.has_value(), "a file can be made");
    }
    require(disk.set_raw(kPath, {raw.begin(), raw.end()}).has_value(), "raw bytes can be put");
  }

  // All that can be read from the beginning; nothing where it ended with an error.
  std::optional<ByteVector> read(ByteVector& so_far) {
    const auto file = store.open_sequential(kPath);
    if (!file) return std::nullopt;
    for (ByteVector piece(3000);;) {
      const auto count = (*file)->read(piece);
      if (!count) return std::nullopt;
      if (*count == 0) return so_far;
      so_far.insert(so_far.end(), piece.begin(),
                    piece.begin() + static_cast<std::ptrdiff_t>(*count));
      require(so_far.size() < (1 << 24), "reading ends");
    }
  }
  bool has_findings() {
    store::VerifyReport report;
    require(store.verify(kPath, report, {}).has_value(),
            "verification of a readable disk ends well");
    return !report.findings.empty();
  }

  // Puts `slot` into the file as the one in force, and an equal one before it, both with good MACs.
  void put_header(ByteVector& raw, format::HeaderSlot slot) {
    for (const std::size_t index : {std::size_t{0}, std::size_t{1}}) {
      slot.sequence = 1 - index;
      const MutableByteView bytes =
          MutableByteView(raw).subspan(index * format::kSlotSizeBytes, format::kSlotSizeBytes);
      format::serialize_slot(slot, bytes);
      const store::SealGuard::Use use(keys.guard());
      const auto secret = store::file_secret(keys, slot);
      const auto key = crypto::hkdf_sha256(*secret, {}, as_bytes(crypto::labels::kHeaderMac));
      copy_bytes(crypto::hmac_sha256(*key, format::slot_mac_input(bytes)),
                 bytes.subspan(format::kSlotMacOffset));
    }
  }
};

inline bool is_prefix(const ByteVector& a, const ByteVector& b) {
  return a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
}

inline void move_piece(ByteVector& raw, std::size_t from, std::size_t to) {
  std::array<std::uint8_t, 32> piece{};
  if (std::max(from, to) + piece.size() > raw.size()) return;
  copy_bytes(ByteView(raw).subspan(from, piece.size()), piece);
  copy_bytes(piece, MutableByteView(raw).subspan(to));
}

// Changes as the input says: what an attacker, a disk or a crash may do.
inline void damage(ByteVector& raw, format::ByteReader& input) {
  while (input.remaining() >= 4) {
    const std::uint8_t kind = input.u8();
    const std::size_t at = raw.empty() ? 0 : input.u16() % raw.size();
    const std::uint8_t value = input.u8();
    const std::size_t count = std::min<std::size_t>(value, raw.size() - at);
    const auto place = raw.begin() + static_cast<std::ptrdiff_t>(at);
    switch (kind % 6) {
      case 0:
        if (!raw.empty()) raw[at] ^= value;
        break;
      case 1:
        raw.resize(at);
        break;
      case 2:
        std::fill_n(place, count, std::uint8_t{0});
        break;
      case 3:
        move_piece(raw, at / 32 * 32, std::size_t{value} * 32);
        break;
      case 4:
        raw.insert(raw.end(), value, 0);
        break;
      default:
        raw.erase(place, place + static_cast<std::ptrdiff_t>(count));
    }
  }
}

}  // namespace keyhold::fuzz
