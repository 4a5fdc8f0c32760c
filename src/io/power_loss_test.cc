// The promises of MemoryFileSystem's power loss, each over a thousand seeds.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "io/file_system_conformance.h"
#include "io/memory_file_system.h"

namespace keyhold::io {
namespace {

constexpr std::uint64_t kSeeds = 1000;

std::unique_ptr<File> create(FileSystem& files, const std::string& path) {
  return files.open(path, kCreate).value();
}

void for_each_power_loss(const MemoryFileSystem& files,
                         const std::function<void(MemoryFileSystem&)>& look) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    look(*files.crash_image(CrashPolicy::power_loss, seed));
  }
}

// The text of a file, or "none".
std::string text_or_none(MemoryFileSystem& files, const std::string& path) {
  const auto content = files.raw(path);
  return content ? std::string(as_text(*content)) : "none";
}

std::map<std::string, int> outcomes(const MemoryFileSystem& files, const std::string& path) {
  std::map<std::string, int> found;
  for_each_power_loss(files, [&](MemoryFileSystem& image) { ++found[text_or_none(image, path)]; });
  return found;
}

TEST(PowerLoss, WhatWasSyncedIsThereWhateverCameLater) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(files.sync_directory("/"));
  const ByteVector synced(5000, 0x11);
  ASSERT_TRUE(file->write_at(0, synced));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(file->write_at(6000, ByteVector(3000, 0x22)));
  ASSERT_TRUE(create(files, "/b")->write_at(0, as_bytes("b")));
  ASSERT_TRUE(files.remove("/b"));
  for_each_power_loss(files, [&](MemoryFileSystem& image) {
    const ByteVector content = image.raw("/a").value();
    ASSERT_GE(content.size(), synced.size());
    EXPECT_TRUE(std::equal(synced.begin(), synced.end(), content.begin()));
  });
}

TEST(PowerLoss, EveryWriteThatASyncFollowedIsThere) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(files.sync_directory("/"));
  constexpr std::size_t kRecordBytes = 700;
  for (std::size_t record = 0; record < 40; ++record) {
    const ByteVector data(kRecordBytes, static_cast<std::uint8_t>(record + 1));
    ASSERT_TRUE(file->write_at(record * kRecordBytes, data));
    if (record % 10 == 9) {
      ASSERT_TRUE(file->sync_all());
    }
    const std::size_t synced = (record + 1) / 10 * 10;
    const auto image = files.crash_image(CrashPolicy::power_loss, record);
    const ByteVector content = image->raw("/a").value();
    ASSERT_GE(content.size(), synced * kRecordBytes);
    for (std::size_t at = 0; at < synced * kRecordBytes; ++at) {
      ASSERT_EQ(content[at], at / kRecordBytes + 1) << "record " << record;
    }
  }
}

TEST(PowerLoss, AnUnsyncedWriteIsLostTornOrThere) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, ByteVector(4096, 'o')));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->write_at(0, ByteVector(4096, 'n')));
  int lost = 0;
  int there = 0;
  int torn = 0;
  for_each_power_loss(files, [&](MemoryFileSystem& image) {
    const ByteVector content = image.raw("/a").value();
    ASSERT_EQ(content.size(), 4096U);
    for (std::size_t sector = 0; sector < 4096; sector += 512) {
      const ByteView bytes = ByteView(content).subspan(sector, 512);
      EXPECT_TRUE(std::ranges::all_of(bytes, [&](auto byte) { return byte == bytes[0]; }));
    }
    const auto kept = std::ranges::count(content, 'n');
    ++(kept == 0 ? lost : kept == 4096 ? there : torn);
  });
  EXPECT_GT(lost, 100);
  EXPECT_GT(there, 100);
  EXPECT_GT(torn, 100);
}

TEST(PowerLoss, ALaterWriteMayStayWithoutAnEarlierOne) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->truncate(1024));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->write_at(0, ByteVector(512, 1)));
  ASSERT_TRUE(file->write_at(512, ByteVector(512, 2)));
  std::set<std::pair<int, int>> seen;
  for_each_power_loss(files, [&](MemoryFileSystem& image) {
    const ByteVector content = image.raw("/a").value();
    seen.emplace(content[0], content[512]);
  });
  EXPECT_EQ(seen, (std::set<std::pair<int, int>>{{0, 0}, {1, 0}, {0, 2}, {1, 2}}));
}

TEST(PowerLoss, WithinASectorALaterWriteBringsTheEarlierOnes) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("--")));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->write_at(0, as_bytes("1")));
  ASSERT_TRUE(file->write_at(1, as_bytes("2")));
  const auto found = outcomes(files, "/a");
  EXPECT_THAT(found, testing::UnorderedElementsAre(testing::Key("--"), testing::Key("1-"),
                                                   testing::Key("12")));
}

TEST(PowerLoss, AnUnsyncedAppendLeavesAnySizeInSectorsAndZerosAtWorst) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, ByteVector(100, 'o')));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->write_at(100, ByteVector(2000, 'n')));
  std::set<std::size_t> sizes;
  bool zeros = false;
  for_each_power_loss(files, [&](MemoryFileSystem& image) {
    const ByteVector content = image.raw("/a").value();
    sizes.insert(content.size());
    for (std::size_t at = 0; at < content.size(); ++at) {
      ASSERT_TRUE(content[at] == (at < 100 ? 'o' : 'n') || (at >= 100 && content[at] == 0));
      zeros = zeros || content[at] == 0;
    }
  });
  EXPECT_THAT(sizes, testing::UnorderedElementsAre(100, 512, 1024, 1536, 2048, 2100));
  EXPECT_TRUE(zeros);
}

TEST(PowerLoss, AnUnsyncedTruncationIsThereOrNot) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abcdef")));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->truncate(2));
  EXPECT_THAT(outcomes(files, "/a"),
              testing::UnorderedElementsAre(testing::Key("ab"), testing::Key("abcdef")));
  ASSERT_TRUE(file->sync_data());
  EXPECT_THAT(outcomes(files, "/a"), testing::ElementsAre(testing::Key("ab")));
}

TEST(PowerLoss, TruncationsStayInTheirOrder) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abcdef")));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->truncate(2));
  ASSERT_TRUE(file->truncate(4));
  EXPECT_THAT(outcomes(files, "/a"),
              testing::UnorderedElementsAre(testing::Key("abcdef"), testing::Key("ab"),
                                            testing::Key(std::string("ab\0\0", 4))));
}

TEST(PowerLoss, WhatATruncationCutNeverStandsBesideALaterWriteToItsSector) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abcdef")));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->truncate(1));
  ASSERT_TRUE(file->write_at(1, as_bytes("X")));
  EXPECT_THAT(outcomes(files, "/a"),
              testing::UnorderedElementsAre(testing::Key("abcdef"), testing::Key("a"),
                                            testing::Key("aX"), testing::Key(std::string("a\0", 2)),
                                            testing::Key(std::string("aX\0\0\0\0", 6))));
}

TEST(PowerLoss, ASyncedFileWithoutASyncedNameMayBeGone) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(file->sync_all());
  EXPECT_THAT(outcomes(files, "/a"),
              testing::UnorderedElementsAre(testing::Key("abc"), testing::Key("none")));
  ASSERT_TRUE(files.sync_directory("/"));
  EXPECT_THAT(outcomes(files, "/a"), testing::ElementsAre(testing::Key("abc")));
}

TEST(PowerLoss, ASyncedNameSaysNothingOfTheContent) {
  MemoryFileSystem files;
  ASSERT_TRUE(create(files, "/a")->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(files.sync_directory("/"));
  EXPECT_THAT(outcomes(files, "/a"), testing::Contains(testing::Key("")));
}

TEST(PowerLoss, AnUnsyncedDirectoryTakesItsContentAlong) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.make_directory("/d", 0700));
  const auto file = create(files, "/d/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(file->sync_all());
  ASSERT_TRUE(files.sync_directory("/d"));
  EXPECT_THAT(outcomes(files, "/d/a"),
              testing::UnorderedElementsAre(testing::Key("abc"), testing::Key("none")));
}

TEST(PowerLoss, ARenameLeavesTheOldOrTheNewNeverNeither) {
  MemoryFileSystem files;
  ASSERT_TRUE(replace_file(files, "/a", as_bytes("old")));
  const auto file = create(files, "/new");
  ASSERT_TRUE(file->write_at(0, as_bytes("new")));
  ASSERT_TRUE(file->sync_all());
  ASSERT_TRUE(files.rename("/new", "/a"));
  EXPECT_THAT(outcomes(files, "/a"),
              testing::UnorderedElementsAre(testing::Key("old"), testing::Key("new")));
  for_each_power_loss(files, [](MemoryFileSystem& image) {
    const bool replaced = text_or_none(image, "/a") == "new";
    EXPECT_FALSE(replaced && exists(image, "/new").value());
  });
}

TEST(PowerLoss, ARenameBetweenDirectoriesLeavesOneOfTheTwo) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.make_directory("/d", 0700));
  ASSERT_TRUE(files.make_directory("/e", 0700));
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(replace_file(files, "/d/a", as_bytes("x")));
  ASSERT_TRUE(files.rename("/d/a", "/e/b"));
  int moved = 0;
  for_each_power_loss(files, [&](MemoryFileSystem& image) {
    const bool here = exists(image, "/e/b").value();
    EXPECT_NE(here, exists(image, "/d/a").value());
    moved += here ? 1 : 0;
  });
  EXPECT_GT(moved, 100);
  EXPECT_LT(moved, 900);
  ASSERT_TRUE(files.sync_directory("/d"));
  EXPECT_THAT(outcomes(files, "/e/b"), testing::ElementsAre(testing::Key("x")));
}

class ThreeDirectories : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* path : {"/d", "/e", "/f"}) ASSERT_TRUE(files_.make_directory(path, 0700));
    ASSERT_TRUE(files_.sync_directory("/"));
    ASSERT_TRUE(replace_file(files_, "/d/a", as_bytes("x")));
    ASSERT_TRUE(files_.rename("/d/a", "/e/a"));
  }

  MemoryFileSystem files_;
};

TEST_F(ThreeDirectories, ASyncTakesAlongWhatTheChangesStandOn) {
  ASSERT_TRUE(files_.rename("/e/a", "/f/a"));
  ASSERT_TRUE(files_.sync_directory("/f"));
  const auto image = files_.crash_image(CrashPolicy::lose_unsynced);
  EXPECT_EQ(image->list("/d").value(), std::vector<std::string>{});
  EXPECT_EQ(image->list("/e").value(), std::vector<std::string>{});
  EXPECT_EQ(image->list("/f").value(), std::vector<std::string>{"a"});
}

TEST_F(ThreeDirectories, ASyncLeavesWhatHappenedElsewhereUnsynced) {
  create(files_, "/f/b");
  ASSERT_TRUE(files_.sync_directory("/f"));
  const auto image = files_.crash_image(CrashPolicy::lose_unsynced);
  EXPECT_EQ(image->list("/d").value(), std::vector<std::string>{"a"});
  EXPECT_EQ(image->list("/f").value(), std::vector<std::string>{"b"});
}

TEST_F(ThreeDirectories, ALostRenameTakesWhatCameAfterItInBothDirectories) {
  create(files_, "/d/later");
  create(files_, "/e/later");
  for_each_power_loss(files_, [](MemoryFileSystem& image) {
    if (exists(image, "/e/a").value()) return;
    EXPECT_FALSE(exists(image, "/d/later").value());
    EXPECT_FALSE(exists(image, "/e/later").value());
  });
}

TEST(PowerLoss, OfOneDirectoryTheFirstChangesStay) {
  MemoryFileSystem files;
  for (const char* name : {"/1", "/2", "/3"}) create(files, name);
  ASSERT_TRUE(files.remove("/1"));
  std::set<std::vector<std::string>> seen;
  for_each_power_loss(files,
                      [&](MemoryFileSystem& image) { seen.insert(image.list("/").value()); });
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{
                      {}, {"1"}, {"1", "2"}, {"1", "2", "3"}, {"2", "3"}}));
}

TEST(PowerLoss, DirectoriesMovedIntoEachOtherNeverFormACircle) {
  MemoryFileSystem files;
  for (const char* path : {"/a", "/a/b", "/c"}) ASSERT_TRUE(files.make_directory(path, 0700));
  for (const char* path : {"/", "/a", "/c"}) ASSERT_TRUE(files.sync_directory(path));
  ASSERT_TRUE(replace_file(files, "/a/b/file", as_bytes("x")));
  ASSERT_TRUE(files.rename("/a/b", "/c/b"));
  ASSERT_TRUE(files.rename("/a", "/c/b/a"));
  const auto held = [](MemoryFileSystem& image) {
    return text_or_none(image, "/a/b/file") == "x" || text_or_none(image, "/c/b/file") == "x";
  };
  for_each_power_loss(files, [&](MemoryFileSystem& image) { EXPECT_TRUE(held(image)); });
  ASSERT_TRUE(files.sync_directory("/"));
  EXPECT_TRUE(held(*files.crash_image(CrashPolicy::lose_unsynced)));
}

TEST(PowerLoss, LoseUnsyncedLeavesExactlyWhatWasSynced) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(file->write_at(0, as_bytes("xyz123")));
  create(files, "/b");
  const auto image = files.crash(CrashPolicy::lose_unsynced);
  EXPECT_EQ(text_or_none(*image, "/a"), "abc");
  EXPECT_EQ(image->list("/").value(), std::vector<std::string>{"a"});
}

TEST(PowerLoss, AReplacedFileIsTheOldOneOrTheNewOneWhole) {
  MemoryFileSystem files;
  ASSERT_TRUE(replace_file(files, "/a", as_bytes("old")));
  const std::string text(3000, 'n');
  ASSERT_TRUE(replace_file(files, "/a", as_bytes(text)));
  EXPECT_THAT(outcomes(files, "/a"), testing::ElementsAre(testing::Key(text)));
}

}  // namespace
}  // namespace keyhold::io
