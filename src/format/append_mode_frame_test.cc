// The frame headers of log-like files: their layout, and what is no frame.
#include <gtest/gtest.h>

#include "format/frame.h"

namespace keyhold::format {
namespace {

FrameHeader example(FrameKind kind = FrameKind::data) {
  FrameHeader header{.number = 0x0102030405060708,
                     .synced = 0x0102030405060707,
                     .payload_bytes = kind == FrameKind::session ? 32U : 5U,
                     .kind = kind};
  header.marker.fill(0xee);
  return header;
}

std::array<std::uint8_t, kFrameHeaderSizeBytes> bytes_of(const FrameHeader& header) {
  std::array<std::uint8_t, kFrameHeaderSizeBytes> bytes{};
  serialize_frame_header(header, bytes);
  return bytes;
}

TEST(AppendModeFrame, PersistedNumbersNeverChange) {
  EXPECT_EQ(static_cast<int>(FrameKind::data), 1);
  EXPECT_EQ(static_cast<int>(FrameKind::session), 2);
  EXPECT_EQ(kMaxFramePayloadBytes, 8136U);
}

TEST(AppendModeFrame, HeaderIsLaidOutAsDocumented) {
  EXPECT_EQ(to_hex(bytes_of(example())),
            "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
            "0807060504030201070706050403020105000000"
            "01000000");
  EXPECT_EQ(synced_field(bytes_of(example())), example().synced);
}

TEST(AppendModeFrame, HeadersComeBackAsTheyWere) {
  for (const FrameKind kind : {FrameKind::data, FrameKind::session}) {
    EXPECT_EQ(parse_frame_header(bytes_of(example(kind))), example(kind));
  }
}

TEST(AppendModeFrame, SizesRoundUpToThirtyTwo) {
  FrameHeader header = example();
  header.payload_bytes = 0;
  EXPECT_EQ(header.size_bytes(), 64U);
  header.payload_bytes = 8;
  EXPECT_EQ(header.size_bytes(), 64U);
  header.payload_bytes = 9;
  EXPECT_EQ(header.size_bytes(), 96U);
  header.payload_bytes = kMaxFramePayloadBytes;
  EXPECT_EQ(header.size_bytes(), kMaxFrameSizeBytes);
  EXPECT_EQ(example(FrameKind::session).size_bytes(), 96U);
}

TEST(AppendModeFrame, WhatNobodyWritesIsNoFrame) {
  const auto no_frame = [](std::size_t offset, std::uint8_t value) {
    auto bytes = bytes_of(example());
    bytes.at(offset) = value;
    return !parse_frame_header(bytes);
  };
  EXPECT_TRUE(no_frame(36, 0));
  EXPECT_TRUE(no_frame(36, 3));
  EXPECT_TRUE(no_frame(37, 1));
  EXPECT_TRUE(no_frame(39, 1));
  EXPECT_TRUE(no_frame(34, 1)) << "a payload of 65,541 bytes";
  EXPECT_TRUE(no_frame(31, 2)) << "names frames as synced that come after it";

  FrameHeader header = example();
  header.payload_bytes = kMaxFramePayloadBytes + 1;
  EXPECT_FALSE(parse_frame_header(bytes_of(header)));
  header = example(FrameKind::session);
  header.payload_bytes = 31;
  EXPECT_FALSE(parse_frame_header(bytes_of(header)));
  EXPECT_FALSE(parse_frame_header(std::array<std::uint8_t, kFrameHeaderSizeBytes>{}))
      << "reserved space";
}

TEST(AppendModeFrame, MarkerInputIsOffsetAndSynced) {
  EXPECT_EQ(to_hex(marker_input(0x1000, 3)), "00100000000000000300000000000000");
}

}  // namespace
}  // namespace keyhold::format
