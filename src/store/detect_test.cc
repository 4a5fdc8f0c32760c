// Invariants I8 and I9, DESIGN 6.4: what is detected and named in append-mode files, line by line.
#include "base/log.h"
#include "format/frame.h"
#include "format/table.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

class Detect : public StoreTest, public ::testing::WithParamInterface<Layout> {
 protected:
  static constexpr const char* kPath = "/store/f";

  void SetUp() override {
    content_ = test_bytes(9000);
    write_file(kPath, GetParam(), content_, 1500);
    raw_ = *disk_->raw(kPath);
    ASSERT_TRUE(verify(kPath).findings.empty());
  }

  // Verification names the file, and no read gives anything but the true bytes or an error.
  void expect_named(const std::string& what) {
    const VerifyReport report = verify(kPath);
    ASSERT_FALSE(report.findings.empty()) << what;
    EXPECT_EQ(report.findings.front().path, kPath);
    EXPECT_FALSE(report.findings.front().where.empty());
    const auto file = store_->open_random(kPath);
    if (!file) return;
    ByteVector out(content_.size());
    const auto count = (*file)->read(0, out);
    if (!count) return;
    EXPECT_TRUE(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*count),
                           content_.begin()))
        << what;
  }

  void expect_named(ByteVector changed, const std::string& what) {
    ASSERT_TRUE(disk_->set_raw(kPath, changed));
    expect_named(what);
    ASSERT_TRUE(disk_->set_raw(kPath, raw_));
  }

  // Each 512 bytes of our file behind the header, replaced by those of one of the same size.
  void expect_each_sector_named(const ByteVector& other, const std::string& whose) {
    ASSERT_EQ(other.size(), raw_.size());
    for (std::size_t offset = 4096; offset + 512 <= raw_.size(); offset += 512) {
      ByteVector changed = raw_;
      std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(offset), 512,
                  changed.begin() + static_cast<std::ptrdiff_t>(offset));
      expect_named(std::move(changed),
                   "sector of another " + whose + " at " + std::to_string(offset));
    }
  }

  ByteVector content_;
  ByteVector raw_;
};

TEST_P(Detect, EverySingleBitFlip) {
  // The smallest files that have every kind of field: a full and a final chunk; a session and three
  // data frames.
  const bool table = GetParam() == Layout::table;
  write_file(kPath, GetParam(), test_bytes(table ? 4100 : 300), table ? 4100 : 100);
  const std::uint64_t bits = disk_->raw(kPath)->size() * 8;
  for (std::uint64_t bit = 0; bit < bits; ++bit) {
    ASSERT_TRUE(disk_->flip_bit(kPath, bit));
    ASSERT_FALSE(verify(kPath).findings.empty()) << "bit " << bit;
    ASSERT_TRUE(disk_->flip_bit(kPath, bit));
  }
  EXPECT_TRUE(verify(kPath).findings.empty());
}

// To every length, on the smallest files with every kind of field (as above).
TEST_P(Detect, EveryTruncation) {
  const bool table = GetParam() == Layout::table;
  content_ = test_bytes(table ? 4100 : 300);
  write_file(kPath, GetParam(), content_, table ? 4100 : 100);
  raw_ = *disk_->raw(kPath);
  for (std::size_t size = 0; size < raw_.size(); ++size) {
    expect_named({raw_.begin(), raw_.begin() + static_cast<std::ptrdiff_t>(size)},
                 "cut to " + std::to_string(size));
  }
}

TEST_P(Detect, ZeroedBlocks) {
  for (std::size_t offset = 0; offset < raw_.size(); offset += 512) {
    ByteVector changed = raw_;
    const auto end = std::min(offset + 512, raw_.size());
    std::fill(changed.begin() + static_cast<std::ptrdiff_t>(offset),
              changed.begin() + static_cast<std::ptrdiff_t>(end), 0);
    if (changed == raw_) continue;  // the header's own zeros
    expect_named(std::move(changed), "zeroed at " + std::to_string(offset));
  }
}

TEST_P(Detect, MovedBlocks) {
  const std::size_t unit =
      GetParam() == Layout::table ? format::kChunkSizeBytes : 1568;  // frames of 1500 bytes
  const std::size_t start = GetParam() == Layout::table ? 4096 : 4096 + 96;
  ByteVector swapped = raw_;
  std::swap_ranges(swapped.begin() + static_cast<std::ptrdiff_t>(start),
                   swapped.begin() + static_cast<std::ptrdiff_t>(start + unit),
                   swapped.begin() + static_cast<std::ptrdiff_t>(start + unit));
  ASSERT_NE(swapped, raw_);
  expect_named(std::move(swapped), "blocks exchanged");
}

TEST_P(Detect, BlockFromAnotherFile) {
  write_file("/store/g", GetParam(), test_bytes(9000, 2), 1500);
  const ByteVector other = *disk_->raw("/store/g");
  expect_each_sector_named(other, "file");
}

// A file of the same size and content in another store, sector by sector and then all behind the
// header.
TEST_P(Detect, BlockFromAnotherStore) {
  TestKeySource other_keys(2);
  std::unique_ptr<Store> own = std::move(store_);
  store_ = std::make_unique<Store>(*disk_, other_keys, crypto::system_random(), "/store");
  write_file("/store/g", GetParam(), content_, 1500);
  store_ = std::move(own);
  const ByteVector other = *disk_->raw("/store/g");
  expect_each_sector_named(other, "store");
  ByteVector changed = raw_;
  std::copy(other.begin() + 4096, other.end(), changed.begin() + 4096);
  expect_named(std::move(changed), "all blocks of another store");
}

TEST_P(Detect, HeaderOfAnotherFile) {
  write_file("/store/g", GetParam(), content_, 1500);
  const ByteVector other = *disk_->raw("/store/g");
  ByteVector changed = raw_;
  std::copy_n(other.begin(), 4096, changed.begin());
  expect_named(changed, "the whole header");
  changed = raw_;
  std::copy_n(other.begin(), 512, changed.begin());
  expect_named(changed, "one slot");
}

TEST_P(Detect, FileOfAnotherStore) {
  TestKeySource other_keys(2);
  Store other(*disk_, other_keys, crypto::system_random(), "/store");
  const auto foreign = other.open_random(kPath);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code(), Code::integrity);
  EXPECT_NE(foreign.error().message().find("another store"), std::string::npos);
}

// The limits that docs/threat-model.md states. Whoever closes one of them changes this test and
// that table together.
TEST_P(Detect, WhatIsNotDetected) {
  // An older version of one whole file, put back.
  const ByteVector newer = test_bytes(5000, 2);
  write_file(kPath, GetParam(), newer);
  ASSERT_TRUE(disk_->set_raw(kPath, raw_));
  EXPECT_EQ(*read_back(kPath), content_);
  EXPECT_TRUE(verify(kPath).findings.empty());

  // Two whole files of one store, exchanged: each reads as the other did.
  write_file("/store/g", GetParam(), newer);
  const ByteVector other = *disk_->raw("/store/g");
  ASSERT_TRUE(disk_->set_raw(kPath, other));
  ASSERT_TRUE(disk_->set_raw("/store/g", raw_));
  EXPECT_EQ(*read_back(kPath), newer);
  EXPECT_EQ(*read_back("/store/g"), content_);
  EXPECT_TRUE(verify(kPath).findings.empty());
  EXPECT_TRUE(verify("/store/g").findings.empty());

  // A file renamed.
  ASSERT_TRUE(disk_->rename("/store/g", "/store/h"));
  EXPECT_EQ(*read_back("/store/h"), content_);
}

// A log that nobody closed: what no later frame names as synced can go without a word, and nothing
// before it.
TEST(DetectUnclosedLog, LossBehindTheLastNamedFrameLooksLikeACrash) {
  io::MemoryFileSystem disk;
  ASSERT_TRUE(disk.make_directory("/store", 0700));
  TestKeySource keys;
  Store store(disk, keys, crypto::system_random(), "/store");
  ByteVector raw;
  {
    const auto file = *store.create("/store/f", Layout::log);
    for (std::uint32_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(file->append(test_bytes(400, i)));
      ASSERT_TRUE(file->sync(true));
    }
    raw = *disk.raw("/store/f");
  }
  constexpr std::size_t kFrame = 480;  // 56 and 400 bytes, padded
  const auto size_when_cut_by = [&](std::size_t bytes) {
    EXPECT_TRUE(disk.set_raw("/store/f", ByteView(raw).first(raw.size() - bytes)));
    return store.logical_size("/store/f");
  };
  EXPECT_EQ(*size_when_cut_by(0), 1200U);
  // Synced, and named by no later frame.
  EXPECT_EQ(*size_when_cut_by(1), 800U);
  EXPECT_EQ(*size_when_cut_by(kFrame), 800U);
  // With the frame that named it.
  EXPECT_EQ(*size_when_cut_by(kFrame + 1), 400U);
  // Damage to a frame that a later one names is told.
  ByteVector damaged = raw;
  damaged[raw.size() - kFrame - 100] ^= 1;
  ASSERT_TRUE(disk.set_raw("/store/f", damaged));
  EXPECT_EQ(store.logical_size("/store/f").error().code(), Code::integrity);
}

// What is not an error (a power loss does the same) is not silent either.
class DetectUnsyncedLog : public StoreTest {
 protected:
  static constexpr const char* kPath = "/store/f";
  static constexpr std::size_t kFrame = 480;  // 56 and 400 bytes, padded

  void SetUp() override {
    log::set_sink([this](log::Level level, std::string_view message) {
      if (level == log::Level::warning) warnings_.emplace_back(message);
    });
  }
  void TearDown() override { log::set_sink({}); }

  // A session and four data frames, the second of which is then damaged.
  void write_and_damage(bool close) {
    ByteVector raw;
    {
      const auto file = *store_->create(kPath, Layout::log);
      for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(file->append(test_bytes(400, i)));
      if (close) {
        ASSERT_TRUE(file->close());
      }
      raw = *disk_->raw(kPath);
    }
    raw[4096 + 96 + kFrame + 100] ^= 1;
    ASSERT_TRUE(disk_->set_raw(kPath, raw));
  }

  // To the end, and beyond it.
  std::size_t read_in_order() {
    const auto file = *store_->open_sequential(kPath);
    ByteVector out(4000);
    const std::size_t count = *file->read(out);
    EXPECT_EQ(*file->read(out), 0U);
    return count;
  }

  std::vector<std::string> warnings_;
};

TEST_F(DetectUnsyncedLog, DamageInAClosedOneIsReadAsItsEndWithOneWarning) {
  write_and_damage(true);
  EXPECT_EQ(read_in_order(), 400U);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("/store/f: frame 2 at offset 4672"), std::string::npos);
  EXPECT_NE(warnings_[0].find("2 of 5 frames readable"), std::string::npos) << warnings_[0];
  EXPECT_EQ(*(*store_->open_random(kPath))->size(), 400U);
  EXPECT_EQ(warnings_.size(), 2U);
}

TEST_F(DetectUnsyncedLog, DamageBeforeWholeFramesOfAnOpenOneIsReadAsItsEndWithOneWarning) {
  write_and_damage(false);
  EXPECT_EQ(read_in_order(), 400U);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("2 of at least 4 frames readable"), std::string::npos)
      << warnings_[0];
}

TEST_F(DetectUnsyncedLog, TornEndOfAnOpenOneIsNoWarning) {
  write_and_damage(false);
  const ByteVector raw = *disk_->raw(kPath);
  ASSERT_TRUE(disk_->set_raw(kPath, ByteView(raw).first(4096 + 96 + kFrame + 200)));
  EXPECT_EQ(read_in_order(), 400U);
  EXPECT_TRUE(warnings_.empty()) << warnings_[0];
}

TEST_P(Detect, PlaintextIsNeverAFallback) {
  for (const std::size_t size : {0U, 1U, 100U, 4095U, 4096U, 20000U}) {
    ASSERT_TRUE(disk_->set_raw(kPath, test_bytes(size)));
    EXPECT_EQ(store_->open_random(kPath).error().code(), Code::integrity) << size;
    EXPECT_EQ(store_->open_sequential(kPath).error().code(), Code::integrity) << size;
    EXPECT_EQ(store_->logical_size(kPath).error().code(), Code::integrity) << size;
    EXPECT_EQ(store_->reopen(kPath).error().code(), Code::integrity) << size;
  }
}

TEST_P(Detect, NewerFormatIsRefusedAsNewer) {
  ByteVector changed = raw_;
  changed[8] = changed[512 + 8] = 2;
  ASSERT_TRUE(disk_->set_raw(kPath, changed));
  EXPECT_EQ(store_->open_random(kPath).error().code(), Code::unsupported);
}

TEST_P(Detect, UnknownGenerationIsNamed) {
  ByteVector changed = raw_;
  changed[48] = changed[512 + 48] = 9;
  ASSERT_TRUE(disk_->set_raw(kPath, changed));
  EXPECT_EQ(store_->open_random(kPath).error().code(), Code::wrong_key);
  EXPECT_FALSE(verify(kPath).findings.empty());
}

INSTANTIATE_TEST_SUITE_P(Layouts, Detect, ::testing::Values(Layout::table, Layout::log),
                         layout_name);

}  // namespace
}  // namespace keyhold::store
