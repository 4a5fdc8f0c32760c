#include "base/crc32c.h"

#include <array>

namespace keyhold {
namespace {

constexpr std::uint32_t kReversedPolynomial = 0x82f63b78;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1U) ^ ((value & 1U) != 0 ? kReversedPolynomial : 0U);
    }
    table.at(byte) = value;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
  std::uint32_t sum = 0xffffffff;
  for (const std::uint8_t byte : bytes) sum = kTable.at((sum ^ byte) & 0xffU) ^ (sum >> 8U);
  return ~sum;
}

}  // namespace keyhold
