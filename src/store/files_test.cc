// What every append-mode file does, whatever its layout.
#include "store/files.h"

#include "format/frame.h"
#include "format/table.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

class Files : public StoreTest, public ::testing::WithParamInterface<Layout> {};

constexpr std::array kSizes = {0,    1,    4031, 4032, 4033, 4047, 4048,   4079,   4080,  4081,
                               8135, 8136, 8137, 8159, 8160, 8161, 100000, 131072, 524288};

TEST_P(Files, WhatWasWrittenIsRead) {
  for (const int size : kSizes) {
    const ByteVector content = test_bytes(static_cast<std::size_t>(size));
    write_file("/store/f", GetParam(), content, 3000);
    ASSERT_EQ(*read_back("/store/f"), content) << size;
    EXPECT_EQ(*store_->logical_size("/store/f"), content.size());
  }
}

TEST_P(Files, RandomReadsAnswerEveryRange) {
  const ByteVector content = test_bytes(300000);
  write_file("/store/f", GetParam(), content, 123);
  const auto file = *store_->open_random("/store/f");
  std::minstd_rand random(7);
  for (int i = 0; i < 500; ++i) {
    const std::size_t offset = random() % (content.size() + 10);
    ByteVector out(random() % 20000);
    const std::size_t count = *file->read(offset, out);
    const std::size_t there =
        offset < content.size() ? std::min(out.size(), content.size() - offset) : 0;
    ASSERT_EQ(count, there);
    ASSERT_TRUE(std::equal(
        out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count),
        content.begin() + static_cast<std::ptrdiff_t>(std::min(offset, content.size()))));
  }
  EXPECT_EQ(*file->size(), content.size());
}

TEST_P(Files, ReadManyAnswersEachRequestByItself) {
  const ByteVector content = test_bytes(50000);
  write_file("/store/f", GetParam(), content);
  const auto file = *store_->open_random("/store/f");
  ByteVector a(100);
  ByteVector b(9000);
  ByteVector c(100);
  std::array<ReadRequest, 3> requests = {ReadRequest{.offset = 10, .out = a, .status = {}},
                                         ReadRequest{.offset = 40000, .out = b, .status = {}},
                                         ReadRequest{.offset = 49950, .out = c, .status = {}}};
  file->read_many(requests);
  EXPECT_EQ(requests[0].done, 100U);
  EXPECT_EQ(requests[1].done, 9000U);
  EXPECT_EQ(requests[2].done, 50U);
  EXPECT_TRUE(std::equal(b.begin(), b.end(), content.begin() + 40000));
}

TEST_P(Files, SkipGoesForward) {
  const ByteVector content = test_bytes(50000);
  write_file("/store/f", GetParam(), content);
  const auto file = *store_->open_sequential("/store/f");
  ASSERT_TRUE(file->skip(30001));
  ByteVector out(10);
  ASSERT_EQ(*file->read(out), 10U);
  EXPECT_TRUE(std::equal(out.begin(), out.end(), content.begin() + 30001));
}

TEST_P(Files, CallersBufferIsLeftAlone) {
  const ByteVector content = test_bytes(20000);
  const ByteVector copy = content;
  write_file("/store/f", GetParam(), content, content.size());
  EXPECT_EQ(content, copy);
}

TEST_P(Files, NoPlaintextReachesTheDisk) {
  const ByteVector content = test_bytes(9000);
  write_file("/store/f", GetParam(), content);
  const ByteVector raw = *disk_->raw("/store/f");
  for (std::size_t offset = 0; offset + 16 <= content.size(); offset += 160) {
    const auto piece = std::span(content).subspan(offset, 16);
    EXPECT_TRUE(std::ranges::search(raw, piece).empty()) << offset;
  }
}

TEST_P(Files, RenameAndLinkTouchNoMetadata) {
  const ByteVector content = test_bytes(5000);
  write_file("/store/f", GetParam(), content);
  const FileId id = store_->describe("/store/f")->file_id;
  ASSERT_TRUE(disk_->link("/store/f", "/store/g"));
  ASSERT_TRUE(disk_->rename("/store/f", "/store/h"));
  EXPECT_EQ(*read_back("/store/g"), content);
  EXPECT_EQ(*read_back("/store/h"), content);
  EXPECT_EQ((*store_->open_random("/store/h"))->id(), id);
}

TEST_P(Files, OlderGenerationsStayReadable) {
  const ByteVector content = test_bytes(5000);
  write_file("/store/old", GetParam(), content);
  keys_.add_generation(Generation{2});
  write_file("/store/new", GetParam(), content);
  EXPECT_EQ(store_->describe("/store/old")->generation, Generation{1});
  EXPECT_EQ(store_->describe("/store/new")->generation, Generation{2});
  EXPECT_EQ(*read_back("/store/old"), content);
  EXPECT_EQ(*read_back("/store/new"), content);
}

TEST_P(Files, CreateReplacesAndLeavesOpenHandlesTheOldFile) {
  write_file("/store/f", GetParam(), test_bytes(5000, 1));
  const auto old_file = *store_->open_random("/store/f");
  write_file("/store/f", GetParam(), test_bytes(5000, 2));
  ByteVector out(5000);
  ASSERT_EQ(*old_file->read(0, out), 5000U);
  EXPECT_EQ(out, test_bytes(5000, 1));
  EXPECT_EQ(*read_back("/store/f"), test_bytes(5000, 2));
}

TEST_P(Files, TruncateOnlyToThePresentSize) {
  const auto file = *store_->create("/store/f", GetParam());
  ASSERT_TRUE(file->append(test_bytes(5000)));
  EXPECT_TRUE(file->truncate(5000));
  EXPECT_EQ(file->truncate(4000).error().code(), Code::unsupported);
  EXPECT_EQ(file->truncate(6000).error().code(), Code::unsupported);
}

TEST_P(Files, ReserveDoesNotChangeTheSize) {
  const auto file = *store_->create("/store/f", GetParam());
  ASSERT_TRUE(file->reserve(0, 1 << 20));
  ASSERT_TRUE(file->append(test_bytes(100)));
  ASSERT_TRUE(file->close());
  EXPECT_EQ(*read_back("/store/f"), test_bytes(100));
  EXPECT_TRUE(verify("/store/f").findings.empty());
}

TEST_P(Files, BytesSealedAreCounted) {
  write_file("/store/f", GetParam(), test_bytes(100000));
  EXPECT_GE(keys_.sealed_bytes(), 100000U);
}

INSTANTIATE_TEST_SUITE_P(Layouts, Files, ::testing::Values(Layout::table, Layout::log),
                         layout_name);

class Table : public StoreTest {};
class Log : public StoreTest {};

TEST_F(Table, AppendAfterSyncIsRefused) {
  const auto file = *store_->create("/store/f", Layout::table);
  ASSERT_TRUE(file->append(test_bytes(5000)));
  ASSERT_TRUE(file->sync(false));
  EXPECT_EQ(file->append(test_bytes(1)).error().code(), Code::unsupported);
  ASSERT_TRUE(file->sync(false));
  ASSERT_TRUE(file->close());
  EXPECT_EQ(*read_back("/store/f"), test_bytes(5000));
}

TEST_F(Table, ReopenSyncsAndWritesNothing) {
  write_file("/store/f", Layout::table, test_bytes(5000));
  const ByteVector before = *disk_->raw("/store/f");
  const auto file = *store_->reopen("/store/f");
  EXPECT_EQ(file->size(), 5000U);
  ASSERT_TRUE(file->sync(true));
  EXPECT_EQ(file->append(test_bytes(1)).error().code(), Code::unsupported);
  ASSERT_TRUE(file->close());
  EXPECT_EQ(*disk_->raw("/store/f"), before);
}

TEST_F(Table, DirectHandlesWriteAndReadTheSame) {
  const ByteVector content = test_bytes(300001);
  const auto file = *store_->create("/store/f", Layout::table, {.direct = true});
  for (std::size_t offset = 0; offset < content.size(); offset += 50000) {
    ASSERT_TRUE(file->append(
        std::span(content).subspan(offset, std::min<std::size_t>(50000, content.size() - offset))));
  }
  ASSERT_TRUE(file->sync(true));
  ASSERT_TRUE(file->close());
  const auto reader = *store_->open_random("/store/f", {.direct = true});
  ByteVector out(content.size());
  ASSERT_EQ(*reader->read(0, out), content.size());
  EXPECT_EQ(out, content);
}

TEST_F(Table, NeverClosedIsAnErrorNotAnEmptyFile) {
  {
    const auto file = *store_->create("/store/f", Layout::table);
    ASSERT_TRUE(file->append(test_bytes(20000)));
  }
  EXPECT_EQ(store_->open_random("/store/f").error().code(), Code::integrity);
  EXPECT_EQ(verify("/store/f").findings.size(), 1U);
}

TEST_F(Table, GeometryFollowsFromTheSizeAlone) {
  for (std::uint64_t logical = 0; logical < 20000; ++logical) {
    const format::TableGeometry geometry{
        .full_chunks = logical / format::kChunkPayloadBytes,
        .final_payload_bytes = static_cast<std::size_t>(logical % format::kChunkPayloadBytes)};
    const auto parsed = format::table_geometry(geometry.physical_bytes());
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->logical_bytes(), logical);
  }
}

TEST_F(Log, ReopenGoesOnAtTheEnd) {
  write_file("/store/f", Layout::log, test_bytes(5000, 1));
  const auto file = *store_->reopen("/store/f");
  EXPECT_EQ(file->size(), 5000U);
  EXPECT_EQ(*store_->logical_size("/store/f"), 5000U);
  ASSERT_TRUE(file->append(test_bytes(3000, 2)));
  EXPECT_EQ(*store_->logical_size("/store/f"), 8000U);
  ASSERT_TRUE(file->close());
  ByteVector both = test_bytes(5000, 1);
  const ByteVector more = test_bytes(3000, 2);
  both.insert(both.end(), more.begin(), more.end());
  EXPECT_EQ(*read_back("/store/f"), both);
  EXPECT_TRUE(verify("/store/f").findings.empty());
}

TEST_F(Log, RecycledShowsNothingOfItsFormerLife) {
  write_file("/store/old", Layout::log, test_bytes(50000, 1), 100);
  const auto file = *store_->recycle("/store/old", "/store/new");
  EXPECT_EQ(store_->describe("/store/old").error().code(), Code::not_found);
  EXPECT_EQ(read_back("/store/new")->size(), 0U);
  ASSERT_TRUE(file->append(test_bytes(1000, 2)));
  EXPECT_EQ(*read_back("/store/new"), test_bytes(1000, 2));
  ASSERT_TRUE(file->close());
  EXPECT_EQ(*read_back("/store/new"), test_bytes(1000, 2));
  EXPECT_TRUE(verify("/store/new").findings.empty());
  EXPECT_EQ(*store_->logical_size("/store/new"), 1000U);
}

// RocksDB recycles a log while the writer of its former life is still open, and closes that later.
TEST_F(Log, TheFormerWriterOfARecycledLogTouchesItNoMore) {
  const auto former = *store_->create("/store/old", Layout::log);
  ASSERT_TRUE(former->reserve(0, 1 << 16));
  ASSERT_TRUE(former->append(test_bytes(5000, 1)));
  const auto file = *store_->recycle("/store/old", "/store/new");
  ASSERT_TRUE(file->append(test_bytes(8000, 2)));
  ASSERT_TRUE(file->sync(false));
  ASSERT_TRUE(former->close());
  EXPECT_FALSE(former->append(test_bytes(1)));
  mount();  // the new writer never closes
  EXPECT_EQ(*read_back("/store/new"), test_bytes(8000, 2));
}

TEST_F(Log, ALogWithASecondNameIsNotRecycledInPlace) {
  write_file("/store/old", Layout::log, test_bytes(5000, 1));
  ASSERT_TRUE(disk_->link("/store/old", "/store/checkpoint"));
  const auto file = *store_->recycle("/store/old", "/store/new");
  ASSERT_TRUE(file->append(test_bytes(1000, 2)));
  EXPECT_EQ(*read_back("/store/checkpoint"), test_bytes(5000, 1));
  EXPECT_EQ(*read_back("/store/new"), test_bytes(1000, 2));
  EXPECT_FALSE(*io::exists(*disk_, "/store/old"));
}

TEST_F(Log, AReaderFollowsTheWriter) {
  const auto writer = *store_->create("/store/f", Layout::log);
  const auto reader = *store_->open_sequential("/store/f");
  for (std::uint32_t i = 1; i < 50; ++i) {
    ASSERT_TRUE(writer->append(test_bytes(i * 300, i)));
    ByteVector out(i * 300 + 100);
    ASSERT_EQ(*reader->read(out), i * 300);
    out.resize(i * 300);
    ASSERT_EQ(out, test_bytes(i * 300, i));
  }
}

TEST_F(Log, UnclosedLogHasItsSizeFromItsFrames) {
  {
    const auto file = *store_->create("/store/f", Layout::log);
    ASSERT_TRUE(file->append(test_bytes(12345)));
  }
  mount();
  EXPECT_EQ(*store_->logical_size("/store/f"), 12345U);
  EXPECT_EQ(*read_back("/store/f"), test_bytes(12345));
  EXPECT_EQ(verify("/store/f").open_logs.size(), 1U);
}

TEST_F(Log, IndexServesRandomReadsOverManySmallFrames) {
  ByteVector content = test_bytes(40000);
  write_file("/store/f", Layout::log, content, 1);
  const auto file = *store_->open_random("/store/f");
  ASSERT_EQ(*file->size(), content.size());
  for (std::size_t offset = 40000; offset-- > 0;) {
    if (offset % 997 != 0) continue;
    ByteVector out(1);
    ASSERT_EQ(*file->read(offset, out), 1U);
    ASSERT_EQ(out[0], content[offset]);
  }
}

}  // namespace
}  // namespace keyhold::store
