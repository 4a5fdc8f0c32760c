#include "io/memory_file_system.h"

#include <set>

#include "io/file_system_conformance.h"

namespace keyhold::io {
namespace {

class Memory {
 public:
  FileSystem& files() { return files_; }
  static std::string root() { return "/"; }

 private:
  MemoryFileSystem files_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, FileSystemConformance, Memory);

std::unique_ptr<File> create(FileSystem& files, const std::string& path) {
  return files.open(path, kCreate).value();
}

TEST(MemoryFileSystem, ClockDatesFiles) {
  ManualClock clock;
  MemoryFileSystem files(clock);
  const auto file = create(files, "/a");
  const WallTime made = file->info().value().modified;
  clock.advance(std::chrono::seconds(5));
  ASSERT_TRUE(file->write_at(0, as_bytes("x")));
  EXPECT_EQ(file->info().value().modified - made, std::chrono::seconds(5));
}

TEST(MemoryFileSystem, FullDiskWritesThePrefixThatFits) {
  MemoryFileSystem files;
  files.set_capacity(10);
  const auto file = create(files, "/a");
  const auto written = file->write_at(4, as_bytes("0123456789"));
  EXPECT_EQ(code_of(written), Code::no_space);
  EXPECT_EQ(message_of(written), "pwrite /a: No space left on device");
  EXPECT_EQ(file->info().value().size_bytes, 10U);
  EXPECT_EQ(files.space("/").value().free_bytes, 0U);
  EXPECT_TRUE(file->write_at(0, as_bytes("0123456789")));
  EXPECT_EQ(code_of(file->truncate(11)), Code::no_space);
  EXPECT_EQ(code_of(file->reserve(0, 11)), Code::no_space);
}

TEST(MemoryFileSystem, SpaceComesBackWithTheLastNameAndHandle) {
  MemoryFileSystem files;
  files.set_capacity(10);
  auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("12345678")));
  ASSERT_TRUE(files.link("/a", "/b"));
  ASSERT_TRUE(files.remove("/a"));
  ASSERT_TRUE(files.remove("/b"));
  EXPECT_EQ(files.space("/").value().free_bytes, 2U);
  file.reset();
  EXPECT_EQ(files.space("/").value().free_bytes, 10U);
}

TEST(MemoryFileSystem, ReservedSpaceIsThereWhenTheDiskIsFull) {
  MemoryFileSystem files;
  files.set_capacity(10);
  const auto first = create(files, "/a");
  ASSERT_TRUE(first->reserve(0, 6));
  const auto second = create(files, "/b");
  EXPECT_FALSE(second->write_at(0, as_bytes("12345")));
  EXPECT_TRUE(first->write_at(0, as_bytes("123456")));
  ASSERT_TRUE(first->truncate(0));
  EXPECT_EQ(files.space("/").value().free_bytes, 6U);
}

TEST(MemoryFileSystem, DirectHandlesRefuseWhatIsNotAligned) {
  MemoryFileSystem files;
  OpenOptions options = kCreate;
  options.direct = true;
  const auto file = files.open("/a", options).value();
  EXPECT_EQ(code_of(file->write_at(0, as_bytes("x"))), Code::invalid_argument);
  EXPECT_EQ(code_of(file->write_at(1, {})), Code::invalid_argument);
}

TEST(MemoryFileSystem, RawBytesCanBeReadAndChanged) {
  MemoryFileSystem files;
  ASSERT_TRUE(create(files, "/a")->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(files.flip_bit("/a", 8));
  EXPECT_EQ(as_text(files.raw("/a").value()), "acc");
  EXPECT_FALSE(files.flip_bit("/a", 24));
  ASSERT_TRUE(files.set_raw("/a", as_bytes("other")));
  EXPECT_EQ(as_text(read_file(files, "/a", 100).value()), "other");
}

TEST(Crash, HandlesOfTheOldFileSystemAnswerIoErrors) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  const auto lock = files.lock("/lock").value();
  const auto after = files.crash(CrashPolicy::kill);
  ByteVector out(1);
  EXPECT_EQ(code_of(file->read_at(0, out)), Code::io);
  EXPECT_EQ(message_of(file->write_at(0, as_bytes("x"))), "pwrite /a: Input/output error");
  EXPECT_EQ(code_of(file->sync_data()), Code::io);
  EXPECT_EQ(code_of(files.list("/")), Code::io);
  EXPECT_TRUE(after->lock("/lock"));
}

TEST(Crash, KillKeepsWhatWasWrittenAndAsUnsyncedAsBefore) {
  MemoryFileSystem files;
  ASSERT_TRUE(create(files, "/a")->write_at(0, as_bytes("abc")));
  const FileInfo before = files.info("/a").value();
  const auto killed = files.crash(CrashPolicy::kill);
  EXPECT_EQ(as_text(killed->raw("/a").value()), "abc");
  EXPECT_EQ(killed->info("/a").value().inode, before.inode);
  EXPECT_EQ(killed->info("/a").value().device, before.device);
  EXPECT_FALSE(exists(*killed->crash(CrashPolicy::lose_unsynced), "/a").value());
}

TEST(Crash, AnImageLeavesTheOriginalAlone) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  const auto image = files.crash_image(CrashPolicy::kill);
  ASSERT_TRUE(file->write_at(0, as_bytes("xyz")));
  EXPECT_EQ(as_text(image->raw("/a").value()), "abc");
  ASSERT_TRUE(image->set_raw("/a", as_bytes("other")));
  EXPECT_EQ(as_text(files.raw("/a").value()), "xyz");
}

TEST(Crash, LinksStayOneFile) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(file->sync_all());
  ASSERT_TRUE(files.link("/a", "/b"));
  ASSERT_TRUE(files.sync_directory("/"));
  files.set_capacity(10);
  const auto image = files.crash_image(CrashPolicy::lose_unsynced);
  ASSERT_TRUE(image->open("/a", kReadWrite).value()->write_at(0, as_bytes("xyz")));
  EXPECT_EQ(as_text(image->raw("/b").value()), "xyz");
  EXPECT_EQ(image->space("/").value().free_bytes, 7U);
}

TEST(Crash, AFreedNameGivesItsSpaceBackAndAnOrphanDoesNotComeBack) {
  MemoryFileSystem files;
  files.set_capacity(10);
  const auto file = create(files, "/a");
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(files.sync_directory("/"));
  ASSERT_TRUE(files.remove("/a"));
  const auto killed = files.crash_image(CrashPolicy::kill);
  EXPECT_EQ(killed->space("/").value().free_bytes, 10U);
  EXPECT_TRUE(exists(*killed->crash_image(CrashPolicy::lose_unsynced), "/a").value());
  ASSERT_TRUE(killed->sync_directory("/"));
  EXPECT_FALSE(exists(*killed->crash_image(CrashPolicy::lose_unsynced), "/a").value());
}

TEST(Crash, TheSameSeedLeavesTheSame) {
  MemoryFileSystem files;
  const auto file = create(files, "/a");
  ASSERT_TRUE(files.sync_directory("/"));
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(file->write_at(i * 700, ByteVector(900, static_cast<std::uint8_t>(i + 1))));
  }
  std::set<ByteVector> states;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto image = files.crash_image(CrashPolicy::power_loss, seed);
    const auto again = files.crash_image(CrashPolicy::power_loss, seed);
    EXPECT_EQ(image->raw("/a").value(), again->raw("/a").value());
    states.insert(image->raw("/a").value());
  }
  EXPECT_GT(states.size(), 40U);
}

}  // namespace
}  // namespace keyhold::io
