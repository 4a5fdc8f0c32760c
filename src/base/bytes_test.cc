#include "base/bytes.h"

#include <gtest/gtest.h>

namespace keyhold {
namespace {

TEST(Bytes, HexRoundTrips) {
  const ByteVector bytes = {0x00, 0x7f, 0x80, 0xff};
  EXPECT_EQ(to_hex(bytes), "007f80ff");
  EXPECT_EQ(*from_hex("007F80ff"), bytes);
}

TEST(Bytes, HexRefusesOddAndForeignDigits) {
  EXPECT_EQ(from_hex("abc").error().code(), Code::invalid_argument);
  EXPECT_EQ(from_hex("0g").error().code(), Code::invalid_argument);
}

TEST(Bytes, NumbersAreLittleEndian) {
  std::array<std::uint8_t, 4> bytes{};
  store_le<std::uint32_t>(bytes, 0x01020304);
  EXPECT_EQ(to_hex(bytes), "04030201");
  EXPECT_EQ(load_le<std::uint32_t>(bytes), 0x01020304U);
}

}  // namespace
}  // namespace keyhold
