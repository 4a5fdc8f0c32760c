// What every FileSystem promises, as one suite. An implementation's test defines a type with
//   FileSystem& files();   std::string root();   // an empty directory that exists
// and instantiates FileSystemConformance with it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file_system.h"

namespace keyhold::io {

inline constexpr OpenOptions kCreate{.access = OpenOptions::Access::read_write,
                                     .create = OpenOptions::Create::exclusive};
inline constexpr OpenOptions kReadWrite{.access = OpenOptions::Access::read_write};

// The code of a failure; asserts that it is one.
template <typename T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Code::internal : result.error().code();
}

inline std::string message_of(const Status& status) {
  return status ? std::string() : status.error().message();
}

template <typename Implementation>
class FileSystemConformance : public testing::Test {
 protected:
  FileSystem& files() { return implementation_.files(); }
  std::string path(std::string_view name) { return join_path(implementation_.root(), name); }

  std::unique_ptr<File> must_open(std::string_view name, const OpenOptions& options) {
    auto file = files().open(path(name), options);
    if (!file) throw std::runtime_error(file.error().message());
    return *std::move(file);
  }
  void put(std::string_view name, std::string_view text) {
    const auto file = must_open(name, kCreate);
    ASSERT_TRUE(file->write_at(0, as_bytes(text)));
    ASSERT_TRUE(file->close());
  }
  static std::string text_of(File& file) {
    ByteVector content(4096);
    const auto size = file.read_at(0, content);
    if (!size) return size.error().message();
    return std::string(as_text(ByteView(content).first(*size)));
  }
  std::string text_of(std::string_view name) {
    const auto content = read_file(files(), path(name), 1U << 20U);
    return content ? std::string(as_text(*content)) : content.error().message();
  }
  std::vector<std::string> names() { return files().list(path("")).value(); }

 private:
  Implementation implementation_;
};

TYPED_TEST_SUITE_P(FileSystemConformance);

TYPED_TEST_P(FileSystemConformance, OpenWithoutCreateFailsWhereNothingIs) {
  const auto opened = this->files().open(this->path("none"), {});
  EXPECT_EQ(code_of(opened), Code::not_found);
  EXPECT_THAT(opened.error().message(), testing::HasSubstr(this->path("none")));
}

TYPED_TEST_P(FileSystemConformance, ExclusiveCreateFailsWhereAFileIs) {
  this->put("a", "old");
  EXPECT_EQ(code_of(this->files().open(this->path("a"), kCreate)), Code::already_exists);
  EXPECT_EQ(this->text_of("a"), "old");
}

TYPED_TEST_P(FileSystemConformance, CreateBelowAMissingDirectoryOrAFileFails) {
  this->put("file", "x");
  EXPECT_EQ(code_of(this->files().open(this->path("none/a"), kCreate)), Code::not_found);
  EXPECT_EQ(code_of(this->files().open(this->path("file/a"), kCreate)), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, ADirectoryCannotBeOpenedForWriting) {
  ASSERT_TRUE(this->files().make_directory(this->path("d"), 0700));
  EXPECT_FALSE(this->files().open(this->path("d"), kReadWrite));
}

TYPED_TEST_P(FileSystemConformance, ReadAtEndsAtTheEndOfTheFile) {
  this->put("a", "0123456789");
  const auto file = this->must_open("a", {});
  ByteVector out(6, 0xff);
  EXPECT_EQ(file->read_at(2, out).value(), 6U);
  EXPECT_EQ(as_text(out), "234567");
  EXPECT_EQ(file->read_at(7, out).value(), 3U);
  EXPECT_EQ(file->read_at(10, out).value(), 0U);
  EXPECT_EQ(file->read_at(5000, out).value(), 0U);
  EXPECT_EQ(file->read_at(0, {}).value(), 0U);
}

TYPED_TEST_P(FileSystemConformance, WriteBeyondTheEndLeavesZeros) {
  const auto file = this->must_open("a", kCreate);
  ASSERT_TRUE(file->write_at(3, as_bytes("xy")));
  EXPECT_EQ(this->text_of(*file), std::string("\0\0\0xy", 5));
  ASSERT_TRUE(file->write_at(1, as_bytes("b")));
  EXPECT_EQ(this->text_of(*file), std::string("\0b\0xy", 5));
  ASSERT_TRUE(file->write_at(100, {}));
  EXPECT_EQ(file->info().value().size_bytes, 5U);
}

TYPED_TEST_P(FileSystemConformance, AReadHandleRefusesChanges) {
  this->put("a", "old");
  const auto file = this->must_open("a", {});
  EXPECT_FALSE(file->write_at(0, as_bytes("new")));
  EXPECT_FALSE(file->truncate(0));
  EXPECT_FALSE(file->reserve(0, 10));
  EXPECT_EQ(this->text_of("a"), "old");
}

TYPED_TEST_P(FileSystemConformance, TruncateCutsAndGrowsWithZeros) {
  const auto file = this->must_open("a", kCreate);
  ASSERT_TRUE(file->write_at(0, as_bytes("abcdef")));
  ASSERT_TRUE(file->truncate(2));
  EXPECT_EQ(this->text_of(*file), "ab");
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(this->text_of(*file), std::string("ab\0\0", 4));
}

TYPED_TEST_P(FileSystemConformance, ReserveKeepsTheSize) {
  const auto file = this->must_open("a", kCreate);
  ASSERT_TRUE(file->reserve(0, 65536));
  ASSERT_TRUE(file->reserve(0, 0));
  EXPECT_EQ(file->info().value().size_bytes, 0U);
}

TYPED_TEST_P(FileSystemConformance, SyncsAndAdviceChangeNothing) {
  const auto file = this->must_open("a", kCreate);
  ASSERT_TRUE(file->write_at(0, as_bytes("abc")));
  EXPECT_TRUE(file->sync_range(0, 2, false));
  EXPECT_TRUE(file->sync_range(0, 0, true));
  EXPECT_TRUE(file->sync_data());
  EXPECT_TRUE(file->sync_all());
  for (const Advice advice :
       {Advice::normal, Advice::random, Advice::sequential, Advice::will_need, Advice::dont_need}) {
    file->advise(advice, 0, 0);
  }
  EXPECT_TRUE(this->files().sync_directory(this->path("")));
  EXPECT_EQ(this->text_of("a"), "abc");
}

TYPED_TEST_P(FileSystemConformance, SyncOfAMissingDirectoryOrAFileFails) {
  this->put("a", "x");
  EXPECT_EQ(code_of(this->files().sync_directory(this->path("none"))), Code::not_found);
  EXPECT_EQ(code_of(this->files().sync_directory(this->path("a"))), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, AClosedHandleFailsAndClosesTwice) {
  const auto file = this->must_open("a", kCreate);
  ASSERT_TRUE(file->close());
  ByteVector out(1);
  EXPECT_FALSE(file->read_at(0, out));
  EXPECT_FALSE(file->write_at(0, as_bytes("x")));
  EXPECT_FALSE(file->sync_data());
  EXPECT_FALSE(file->info());
  EXPECT_TRUE(file->close());
}

TYPED_TEST_P(FileSystemConformance, HandlesOfOneFileSeeEachOther) {
  const auto writer = this->must_open("a", kCreate);
  const auto reader = this->must_open("a", {});
  ASSERT_TRUE(writer->write_at(0, as_bytes("now")));
  EXPECT_EQ(this->text_of(*reader), "now");
}

TYPED_TEST_P(FileSystemConformance, InfoNamesTypeSizeAndInode) {
  this->put("a", "abc");
  ASSERT_TRUE(this->files().make_directory(this->path("d"), 0700));
  const FileInfo file = this->files().info(this->path("a")).value();
  EXPECT_EQ(file.type, FileInfo::Type::file);
  EXPECT_EQ(file.size_bytes, 3U);
  EXPECT_GT(file.modified.time_since_epoch().count(), 0);
  const FileInfo directory = this->files().info(this->path("d")).value();
  EXPECT_EQ(directory.type, FileInfo::Type::directory);
  EXPECT_EQ(directory.device, file.device);
  EXPECT_NE(directory.inode, file.inode);
  EXPECT_EQ(code_of(this->files().info(this->path("none"))), Code::not_found);
  const auto opened = this->must_open("a", {})->info().value();
  EXPECT_EQ(opened.inode, file.inode);
  EXPECT_EQ(opened.device, file.device);
}

TYPED_TEST_P(FileSystemConformance, RenameReplacesAndOpenHandlesStayWithTheirFile) {
  this->put("a", "new");
  this->put("b", "old");
  const auto old = this->must_open("b", kReadWrite);
  const auto moved = this->must_open("a", kReadWrite);
  ASSERT_TRUE(this->files().rename(this->path("a"), this->path("b")));
  EXPECT_EQ(this->names(), std::vector<std::string>{"b"});
  EXPECT_EQ(this->text_of(*old), "old");
  ASSERT_TRUE(old->write_at(0, as_bytes("OLD")));
  ASSERT_TRUE(moved->write_at(0, as_bytes("NEW")));
  EXPECT_EQ(this->text_of("b"), "NEW");
}

TYPED_TEST_P(FileSystemConformance, RenameOfNothingFailsAndOntoItselfDoesNothing) {
  this->put("a", "x");
  const auto failed = this->files().rename(this->path("none"), this->path("a"));
  EXPECT_EQ(code_of(failed), Code::not_found);
  EXPECT_THAT(message_of(failed), testing::HasSubstr(this->path("none")));
  ASSERT_TRUE(this->files().rename(this->path("a"), this->path("a")));
  EXPECT_EQ(this->text_of("a"), "x");
}

TYPED_TEST_P(FileSystemConformance, RenameBetweenFilesAndDirectoriesFails) {
  this->put("a", "x");
  ASSERT_TRUE(this->files().make_directory(this->path("d"), 0700));
  EXPECT_FALSE(this->files().rename(this->path("a"), this->path("d")));
  EXPECT_FALSE(this->files().rename(this->path("d"), this->path("a")));
  EXPECT_FALSE(this->files().rename(this->path("d"), this->path("d/below")));
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "d"}));
}

TYPED_TEST_P(FileSystemConformance, RenameMovesDirectoriesWithTheirContent) {
  ASSERT_TRUE(this->files().make_directory(this->path("d"), 0700));
  this->put("d/a", "x");
  ASSERT_TRUE(this->files().make_directory(this->path("e"), 0700));
  ASSERT_TRUE(this->files().rename(this->path("d"), this->path("e")));
  EXPECT_EQ(this->text_of("e/a"), "x");
  ASSERT_TRUE(this->files().make_directory(this->path("f"), 0700));
  EXPECT_EQ(code_of(this->files().rename(this->path("f"), this->path("e"))), Code::already_exists);
}

TYPED_TEST_P(FileSystemConformance, ALinkIsTheSameFile) {
  this->put("a", "x");
  ASSERT_TRUE(this->files().link(this->path("a"), this->path("b")));
  EXPECT_EQ(this->files().info(this->path("a")).value().inode,
            this->files().info(this->path("b")).value().inode);
  ASSERT_TRUE(this->must_open("a", kReadWrite)->write_at(0, as_bytes("yz")));
  ASSERT_TRUE(this->files().remove(this->path("a")));
  EXPECT_EQ(this->text_of("b"), "yz");
  this->put("c", "z");
  EXPECT_EQ(code_of(this->files().link(this->path("b"), this->path("c"))), Code::already_exists);
  EXPECT_EQ(code_of(this->files().link(this->path("none"), this->path("d"))), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, ARemovedFileLivesUntilItsHandlesClose) {
  const auto file = this->must_open("a", kCreate);
  ASSERT_TRUE(this->files().remove(this->path("a")));
  ASSERT_TRUE(file->write_at(0, as_bytes("still")));
  EXPECT_EQ(this->text_of(*file), "still");
  EXPECT_THAT(this->names(), testing::IsEmpty());
  EXPECT_EQ(code_of(this->files().remove(this->path("a"))), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, DirectoriesAreMadeListedAndRemoved) {
  ASSERT_TRUE(this->files().make_directory(this->path("d"), 0700));
  EXPECT_EQ(code_of(this->files().make_directory(this->path("d"), 0700)), Code::already_exists);
  EXPECT_EQ(code_of(this->files().make_directory(this->path("x/y"), 0700)), Code::not_found);
  this->put("d/a", "x");
  EXPECT_EQ(code_of(this->files().remove_directory(this->path("d"))), Code::already_exists);
  EXPECT_FALSE(this->files().remove(this->path("d")));
  EXPECT_FALSE(this->files().remove_directory(this->path("d/a")));
  ASSERT_TRUE(this->files().remove(this->path("d/a")));
  ASSERT_TRUE(this->files().remove_directory(this->path("d")));
  EXPECT_EQ(code_of(this->files().list(this->path("d"))), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, ListIsSortedAndWithoutDots) {
  for (const char* name : {"c", "a", ".hidden", "b", "B"}) this->put(name, "");
  EXPECT_EQ(this->names(), (std::vector<std::string>{".hidden", "B", "a", "b", "c"}));
  EXPECT_FALSE(this->files().list(this->path("a")));
}

TYPED_TEST_P(FileSystemConformance, AnExclusiveLockKeepsOthersOut) {
  auto held = this->files().lock(this->path("lock"));
  ASSERT_TRUE(held);
  const auto second = this->files().lock(this->path("lock"));
  EXPECT_EQ(code_of(second), Code::busy);
  EXPECT_THAT(second.error().message(), testing::HasSubstr(this->path("lock")));
  EXPECT_EQ(code_of(this->files().lock(this->path("lock"), true)), Code::busy);
  held->reset();
  EXPECT_TRUE(this->files().lock(this->path("lock")));
}

TYPED_TEST_P(FileSystemConformance, SharedLocksShareAndKeepTheExclusiveOut) {
  auto first = this->files().lock(this->path("lock"), true);
  auto second = this->files().lock(this->path("lock"), true);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  first->reset();
  EXPECT_EQ(code_of(this->files().lock(this->path("lock"))), Code::busy);
  second->reset();
  EXPECT_TRUE(this->files().lock(this->path("lock")));
}

TYPED_TEST_P(FileSystemConformance, DirectHandlesWorkInAlignedBlocks) {
  struct alignas(4096) Block {
    std::array<std::uint8_t, 8192> bytes{};
  };
  const auto block = std::make_unique<Block>();
  block->bytes.fill(0x5a);
  OpenOptions options = kCreate;
  options.direct = true;
  const auto file = this->must_open("a", options);
  ASSERT_TRUE(file->write_at(0, block->bytes));
  ASSERT_TRUE(file->truncate(5000));
  block->bytes.fill(0);
  EXPECT_EQ(file->read_at(0, block->bytes).value(), 5000U);
  EXPECT_EQ(block->bytes[4999], 0x5a);
  EXPECT_EQ(block->bytes[5000], 0);
}

TYPED_TEST_P(FileSystemConformance, ThreadsShareAHandleAndTheNames) {
  constexpr std::uint64_t kThreads = 4;
  const auto file = this->must_open("shared", kCreate);
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string mine = this->path(std::to_string(thread));
      for (std::uint64_t i = 0; i < 20; ++i) {
        const std::array<std::uint8_t, 1> byte{static_cast<std::uint8_t>('a' + thread)};
        EXPECT_TRUE(file->write_at(i * kThreads + thread, byte));
        EXPECT_TRUE(replace_file(this->files(), mine, byte));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::string expected;
  for (int i = 0; i < 20; ++i) expected += "abcd";
  EXPECT_EQ(this->text_of(*file), expected);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"0", "1", "2", "3", "shared"}));
}

TYPED_TEST_P(FileSystemConformance, SpaceIsFreeAndTotal) {
  const SpaceInfo space = this->files().space(this->path("")).value();
  EXPECT_GT(space.total_bytes, 0U);
  EXPECT_LE(space.free_bytes, space.total_bytes);
  EXPECT_EQ(code_of(this->files().space(this->path("none"))), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, ARenamedHandleNamesItsErrorsAnew) {
  const auto file = this->must_open("old", kCreate);
  ASSERT_TRUE(this->files().rename(this->path("old"), this->path("new")));
  file->set_path(this->path("new"));
  ASSERT_TRUE(file->close());
  const std::string message = message_of(file->write_at(0, as_bytes("x")));
  EXPECT_THAT(message, testing::HasSubstr("pwrite " + this->path("new") + ": "));
}

TYPED_TEST_P(FileSystemConformance, ReplaceFileMakesAndReplacesAndLeavesNothingBeside) {
  ASSERT_TRUE(replace_file(this->files(), this->path("a"), as_bytes("one")));
  ASSERT_TRUE(replace_file(this->files(), this->path("a"), as_bytes("second")));
  EXPECT_EQ(this->text_of("a"), "second");
  EXPECT_EQ(this->names(), std::vector<std::string>{"a"});
}

TYPED_TEST_P(FileSystemConformance, ReplaceFileOverADirectoryFailsAndLeavesNothingBeside) {
  ASSERT_TRUE(this->files().make_directory(this->path("d"), 0700));
  EXPECT_FALSE(replace_file(this->files(), this->path("d"), as_bytes("x")));
  EXPECT_EQ(this->names(), std::vector<std::string>{"d"});
}

TYPED_TEST_P(FileSystemConformance, ReadFileHasALimit) {
  this->put("a", "12345");
  EXPECT_EQ(read_file(this->files(), this->path("a"), 5).value().size(), 5U);
  EXPECT_EQ(code_of(read_file(this->files(), this->path("a"), 4)), Code::invalid_argument);
  EXPECT_EQ(code_of(read_file(this->files(), this->path("none"), 4)), Code::not_found);
}

TYPED_TEST_P(FileSystemConformance, ExistsTellsAbsenceFromFailure) {
  this->put("a", "");
  EXPECT_TRUE(exists(this->files(), this->path("a")).value());
  EXPECT_FALSE(exists(this->files(), this->path("b")).value());
  EXPECT_FALSE(exists(this->files(), this->path("a/b")).value());
}

REGISTER_TYPED_TEST_SUITE_P(
    FileSystemConformance, OpenWithoutCreateFailsWhereNothingIs, ExclusiveCreateFailsWhereAFileIs,
    CreateBelowAMissingDirectoryOrAFileFails, ADirectoryCannotBeOpenedForWriting,
    ReadAtEndsAtTheEndOfTheFile, WriteBeyondTheEndLeavesZeros, AReadHandleRefusesChanges,
    TruncateCutsAndGrowsWithZeros, ReserveKeepsTheSize, SyncsAndAdviceChangeNothing,
    SyncOfAMissingDirectoryOrAFileFails, AClosedHandleFailsAndClosesTwice,
    HandlesOfOneFileSeeEachOther, InfoNamesTypeSizeAndInode,
    RenameReplacesAndOpenHandlesStayWithTheirFile, RenameOfNothingFailsAndOntoItselfDoesNothing,
    RenameBetweenFilesAndDirectoriesFails, RenameMovesDirectoriesWithTheirContent,
    ALinkIsTheSameFile, ARemovedFileLivesUntilItsHandlesClose, ARenamedHandleNamesItsErrorsAnew,
    DirectoriesAreMadeListedAndRemoved, ListIsSortedAndWithoutDots, AnExclusiveLockKeepsOthersOut,
    SharedLocksShareAndKeepTheExclusiveOut, DirectHandlesWorkInAlignedBlocks,
    ThreadsShareAHandleAndTheNames, SpaceIsFreeAndTotal,
    ReplaceFileMakesAndReplacesAndLeavesNothingBeside,
    ReplaceFileOverADirectoryFailsAndLeavesNothingBeside, ReadFileHasALimit,
    ExistsTellsAbsenceFromFailure);

}  // namespace keyhold::io
