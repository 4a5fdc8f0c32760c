#include "base/crc32c.h"

#include <gtest/gtest.h>

namespace keyhold {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32c, IsThatOfRfc3720) {
  EXPECT_EQ(crc32c(ByteVector(32, 0)), 0x8a9136aaU);
  EXPECT_EQ(crc32c(ByteVector(32, 0xff)), 0x62a8ab43U);
  ByteVector rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
  const ByteVector falling(rising.rbegin(), rising.rend());
  EXPECT_EQ(crc32c(falling), 0x113fdb5cU);
  const ByteVector read_command = {0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                   0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,
                                   0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
                                   0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                   0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(crc32c(read_command), 0xd9963a56U);
}

TEST(Crc32c, OfNothingIsZero) {
  EXPECT_EQ(crc32c({}), 0U);
}

}  // namespace
}  // namespace keyhold
