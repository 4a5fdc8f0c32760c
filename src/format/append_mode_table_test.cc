// The size arithmetic of table-like files.
#include <gtest/gtest.h>

#include "format/table.h"

namespace keyhold::format {
namespace {

TEST(AppendModeTable, EverySizeUpToFourChunksComesBackFromItsFile) {
  for (std::uint64_t logical = 0; logical <= 4 * kChunkPayloadBytes + 1; ++logical) {
    const TableGeometry written{
        .full_chunks = logical / kChunkPayloadBytes,
        .final_payload_bytes = static_cast<std::size_t>(logical % kChunkPayloadBytes)};
    const auto read = table_geometry(written.physical_bytes());
    ASSERT_TRUE(read) << logical;
    EXPECT_EQ(read->full_chunks, written.full_chunks);
    EXPECT_EQ(read->final_payload_bytes, written.final_payload_bytes);
    EXPECT_EQ(read->logical_bytes(), logical);
  }
}

TEST(AppendModeTable, NoTwoSizesShareAFileSize) {
  std::uint64_t tables = 0;
  std::uint64_t last = 0;
  for (std::uint64_t physical = 0; physical < kHeaderSizeBytes + 5 * kChunkSizeBytes; ++physical) {
    const auto geometry = table_geometry(physical);
    if (!geometry) continue;
    EXPECT_EQ(geometry->physical_bytes(), physical);
    EXPECT_LT(geometry->final_payload_bytes, kChunkPayloadBytes);
    EXPECT_EQ(geometry->logical_bytes(), tables++ == 0 ? 0 : last + 1);
    last = geometry->logical_bytes();
  }
  EXPECT_EQ(tables, last + 1) << "every logical size has one";
}

TEST(AppendModeTable, SizesOfNoTableAreTold) {
  EXPECT_FALSE(table_geometry(0));
  EXPECT_FALSE(table_geometry(kHeaderSizeBytes));
  EXPECT_FALSE(table_geometry(kHeaderSizeBytes + kFinalOverheadBytes - 1));
  EXPECT_TRUE(table_geometry(kHeaderSizeBytes + kFinalOverheadBytes));
  // Between the longest final chunk behind n chunks and the shortest behind n + 1.
  EXPECT_TRUE(table_geometry(kHeaderSizeBytes + 4127));
  for (std::uint64_t rest = 4128; rest < kChunkSizeBytes + kFinalOverheadBytes; ++rest) {
    EXPECT_FALSE(table_geometry(kHeaderSizeBytes + rest)) << rest;
  }
}

TEST(AppendModeTable, TheLargestFilesOverflowNothing) {
  const auto geometry = table_geometry(~std::uint64_t{0});
  ASSERT_TRUE(geometry);
  EXPECT_EQ(geometry->physical_bytes(), ~std::uint64_t{0});
}

TEST(AppendModeTable, WholeChunksOfAnOpenTable) {
  EXPECT_EQ(whole_chunk_bytes(0), 0U);
  EXPECT_EQ(whole_chunk_bytes(kHeaderSizeBytes + kChunkSizeBytes - 1), 0U);
  EXPECT_EQ(whole_chunk_bytes(kHeaderSizeBytes + 2 * kChunkSizeBytes), 2 * kChunkPayloadBytes);
}

}  // namespace
}  // namespace keyhold::format
