// Re-encryption and coverage beside handles, writers, links, deletions and seals.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/coverage.h"
#include "store/pacer.h"
#include "store/presence.h"
#include "store/reencryptor.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Generation kOld{1};
constexpr Generation kNew{2};
constexpr Generation kNoTarget{0};

class ReencryptTest : public StoreTest {
 protected:
  ReencryptReport pass(const ReencryptOptions& options = {}) {
    auto report = reencrypt(*store_, kNew, options);
    EXPECT_TRUE(report) << report.error().message();
    return report.value_or(ReencryptReport{});
  }

  Coverage covered(Generation target = kNew) {
    auto coverage = cover(*store_, target, open_files(*store_));
    EXPECT_TRUE(coverage) << coverage.error().message();
    return coverage.value_or(Coverage{});
  }

  // The old DEK is gone, and with it what handles have derived from it.
  void shred_old() {
    keys_.remove_generation(kOld);
    keys_.guard().seal();
    keys_.guard().unseal();
  }

  void expect_content(const std::string& path, ByteView content) {
    const auto read = read_back(path);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, ByteVector(content.begin(), content.end())) << path;
  }
};

class ReencryptLayout : public ReencryptTest, public testing::WithParamInterface<Layout> {};
INSTANTIATE_TEST_SUITE_P(Layouts, ReencryptLayout, testing::Values(Layout::table, Layout::log),
                         layout_name);

TEST_P(ReencryptLayout, EveryByteStandsUnderTheNewGeneration) {
  const auto large = test_bytes(700'001);
  write_file("/store/large", GetParam(), large, 33'333);
  write_file("/store/empty", GetParam(), {});
  const auto before = store_->describe("/store/large");
  const auto dated = disk_->info("/store/large");
  keys_.add_generation(kNew);
  EXPECT_EQ(covered().older_than(kNew).files, 2U);

  const ReencryptReport report = pass();
  EXPECT_EQ(report.done.files, 2U);
  EXPECT_THAT(report.pending, IsEmpty());
  EXPECT_EQ(covered().older_than(kNew).files, 0U);
  EXPECT_EQ(covered().generations.at(kNew).named.files, 2U);
  shred_old();
  expect_content("/store/large", large);
  expect_content("/store/empty", {});
  const auto after = store_->describe("/store/large");
  EXPECT_EQ(after->file_id, before->file_id);
  EXPECT_EQ(after->layout, before->layout);
  EXPECT_TRUE(after->closed);
  EXPECT_EQ(after->generation, kNew);
  EXPECT_EQ(disk_->info("/store/large")->modified, dated->modified);
  EXPECT_THAT(verify("/store/large").findings, IsEmpty());
  EXPECT_THAT(disk_->list("/store").value(), SizeIs(2)) << "a leftover";
}

TEST_P(ReencryptLayout, OpenHandlesReadOnFromTheNewFile) {
  const auto content = test_bytes(300'000);
  write_file("/store/file", GetParam(), content);
  const auto random = *store_->open_random("/store/file");
  const auto sequential = *store_->open_sequential("/store/file");
  ByteVector start(100'000);
  ASSERT_EQ(sequential->read(start).value(), start.size());
  const FileId id = random->id();
  keys_.add_generation(kNew);
  EXPECT_EQ(pass().done.files, 1U);
  EXPECT_EQ(covered().older_than(kNew).files, 0U) << "a handle kept the old file";
  shred_old();

  ByteVector rest(200'001);
  ASSERT_EQ(sequential->read(rest).value(), 200'000U);
  EXPECT_TRUE(
      std::ranges::equal(ByteView(rest).first(200'000), ByteView(content).subspan(100'000)));
  ByteVector block(5000);
  ASSERT_EQ(random->read(123'456, block).value(), block.size());
  EXPECT_TRUE(std::ranges::equal(block, ByteView(content).subspan(123'456, block.size())));
  EXPECT_EQ(random->size().value(), content.size());
  EXPECT_EQ(random->id(), id);
}

TEST_P(ReencryptLayout, AFileWithAWriterIsPendingUntilItIsClosed) {
  auto writer = *store_->create("/store/live", GetParam());
  ASSERT_TRUE(writer->append(test_bytes(10'000)));
  keys_.add_generation(kNew);
  const ReencryptReport report = pass();
  ASSERT_THAT(report.pending, SizeIs(1));
  EXPECT_EQ(report.pending[0].why, PendingFile::Why::written);
  EXPECT_EQ(covered().pending.at(0).why, PendingFile::Why::written);
  ASSERT_TRUE(writer->append(test_bytes(10'000, 2)));
  ASSERT_TRUE(writer->sync(true));
  ASSERT_TRUE(writer->close());
  EXPECT_EQ(pass().done.files, 1U);
  shred_old();
  auto expected = test_bytes(10'000);
  const auto second = test_bytes(10'000, 2);
  expected.insert(expected.end(), second.begin(), second.end());
  expect_content("/store/live", expected);
}

TEST_P(ReencryptLayout, ADeletedFileThatIsOpenCountsUntilItsHandleCloses) {
  write_file("/store/file", GetParam(), test_bytes(9000));
  auto handle = *store_->open_random("/store/file");
  ASSERT_TRUE(store_->remove("/store/file"));
  keys_.add_generation(kNew);
  EXPECT_EQ(pass().done.files, 0U);
  const Coverage coverage = covered();
  EXPECT_EQ(coverage.generations.at(kOld).unnamed.files, 1U);
  ASSERT_THAT(coverage.pending, SizeIs(1));
  EXPECT_EQ(coverage.pending[0].why, PendingFile::Why::deleted);
  handle.reset();
  EXPECT_EQ(covered().older_than(kNew).files, 0U);
}

TEST_P(ReencryptLayout, AllNamesOfAFileMoveTogether) {
  const auto content = test_bytes(50'000);
  ASSERT_TRUE(disk_->make_directory("/store/checkpoint", 0700));
  write_file("/store/file", GetParam(), content);
  ASSERT_TRUE(store_->link("/store/file", "/store/checkpoint/file"));
  ASSERT_TRUE(store_->link("/store/file", "/store/third"));
  keys_.add_generation(kNew);
  EXPECT_EQ(pass().done.files, 1U);
  EXPECT_EQ(covered().older_than(kNew).files, 0U);
  EXPECT_EQ(covered().generations.at(kNew).named.files, 1U) << "the names share a file no more";
  EXPECT_EQ(disk_->info("/store/third")->links, 3U);
  shred_old();
  for (const char* path : {"/store/file", "/store/checkpoint/file", "/store/third"}) {
    expect_content(path, content);
  }
}

// The proof of shredding: what somebody kept of the old file is worth nothing, whatever it says.
TEST_P(ReencryptLayout, ACopyOfTheOldFileIsUnreadableAfterShredding) {
  write_file("/store/file", GetParam(), test_bytes(9000));
  const ByteVector copy = *disk_->raw("/store/file");
  keys_.add_generation(kNew);
  pass();
  ASSERT_TRUE(disk_->set_raw("/store/file", copy));
  EXPECT_TRUE(read_back("/store/file"));
  shred_old();
  const auto read = read_back("/store/file");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::wrong_key);
  EXPECT_THAT(read.error().message(), HasSubstr("generation 1"));
  EXPECT_THAT(read.error().message(), HasSubstr("shredded"));
  EXPECT_EQ(covered().unreadable.files, 1U);
  EXPECT_EQ(covered().pending.at(0).why, PendingFile::Why::unreadable);
}

TEST_P(ReencryptLayout, ADamagedFileIsLeftAsItIs) {
  write_file("/store/damaged", GetParam(), test_bytes(50'000));
  write_file("/store/whole", GetParam(), test_bytes(50'000));
  ASSERT_TRUE(disk_->flip_bit("/store/damaged", 8 * 9000));
  const ByteVector before = *disk_->raw("/store/damaged");
  keys_.add_generation(kNew);
  const ReencryptReport report = pass();
  EXPECT_EQ(report.done.files, 1U);
  ASSERT_THAT(report.pending, SizeIs(1));
  EXPECT_EQ(report.pending[0].why, PendingFile::Why::unreadable);
  EXPECT_EQ(*disk_->raw("/store/damaged"), before);
  EXPECT_EQ(covered().older_than(kNew).files, 1U);
}

TEST_F(ReencryptTest, ALogThatACrashLeftOpenKeepsEverySyncedByte) {
  const auto content = test_bytes(20'000);
  auto writer = *store_->create("/store/log", Layout::log);
  ASSERT_TRUE(writer->append(content));
  ASSERT_TRUE(writer->sync(true));
  disk_ = disk_->crash(io::CrashPolicy::kill);
  mount();
  keys_.add_generation(kNew);
  EXPECT_EQ(pass().done.files, 1U);
  shred_old();
  expect_content("/store/log", content);
}

TEST_F(ReencryptTest, ALogThatIsRecycledNeedsItsOldGenerationUntilItIsClosed) {
  write_file("/store/old", Layout::log, test_bytes(5000));
  keys_.add_generation(kNew);
  auto writer = *store_->recycle("/store/old", "/store/new");
  EXPECT_EQ(covered().generations.at(kOld).named.files, 1U) << "its other header slot";
  EXPECT_EQ(covered().pending.at(0).why, PendingFile::Why::written);
  ASSERT_TRUE(writer->append(test_bytes(100)));
  ASSERT_TRUE(writer->close());
  EXPECT_EQ(covered().older_than(kNew).files, 0U);
}

TEST_F(ReencryptTest, PlaintextIsNamedAndKeepsNothingBack) {
  write_file("/store/file", Layout::log, test_bytes(10));
  ASSERT_TRUE(io::replace_file(*disk_, "/store/notes.txt", as_bytes("plain")));
  keys_.add_generation(kNew);
  EXPECT_EQ(pass().done.files, 1U);
  const Coverage coverage = covered();
  EXPECT_EQ(coverage.plaintext.files, 1U);
  EXPECT_THAT(coverage.plaintext_paths, testing::ElementsAre("/store/notes.txt"));
  EXPECT_EQ(coverage.older_than(kNew).files, 0U);
}

TEST_F(ReencryptTest, ATargetThatIsNotThereYetIsRefused) {
  const auto outcome = reencrypt(*store_, kNew, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::invalid_argument);
}

TEST_F(ReencryptTest, ASealStopsItAndItGoesOnAfterTheUnseal) {
  for (int i = 0; i < 4; ++i) {
    write_file("/store/file-" + std::to_string(i), Layout::table, test_bytes(9000));
  }
  keys_.add_generation(kNew);
  int files = 0;
  ReencryptOptions options;
  options.progress = [&](std::uint64_t) {
    if (++files == 2) keys_.guard().seal();
  };
  const auto sealed = reencrypt(*store_, kNew, options);
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code(), Code::sealed);
  keys_.guard().unseal();
  EXPECT_EQ(pass().done.files, 2U);
  EXPECT_EQ(covered().older_than(kNew).files, 0U);
}

TEST_F(ReencryptTest, WhatThePaceSaysEndsIt) {
  write_file("/store/file", Layout::table, test_bytes(9000));
  keys_.add_generation(kNew);
  Pacer pacer(system_clock());
  pacer.stop();
  ReencryptOptions options;
  options.pace = [&](std::uint64_t bytes) { return pacer.wait(bytes); };
  const auto stopped = reencrypt(*store_, kNew, options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::busy);
  EXPECT_THAT(disk_->list("/store").value(), SizeIs(1)) << "a leftover";
}

TEST_F(ReencryptTest, TheRateIsKept) {
  ManualClock clock;
  Pacer pacer(clock);
  pacer.set_rate(1000);
  ASSERT_TRUE(pacer.wait(5000));
  clock.advance(std::chrono::seconds(5));
  ASSERT_TRUE(pacer.wait(2000)) << "5,000 bytes are five seconds' worth";
  clock.advance(std::chrono::milliseconds(1999));
  // Time stands still: only the stop ends this wait.
  std::thread waiter([&] { EXPECT_EQ(pacer.wait(1).error().code(), Code::busy); });
  pacer.stop();
  waiter.join();
}

TEST_F(ReencryptTest, TwoReencryptorsExcludeEachOther) {
  const auto held = disk_->lock("/store/.lock");
  ASSERT_TRUE(held);
  ReencryptOptions options;
  options.lock_path = "/store/.lock";
  const auto second = reencrypt(*store_, kNoTarget, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::busy);
}

TEST_F(ReencryptTest, WhereAnotherProcessWorksOnlyALockedFolderIsSwapped) {
  for (const char* folder : {"/store/ours", "/store/theirs"}) {
    ASSERT_TRUE(disk_->make_directory(folder, 0700));
    write_file(std::string(folder) + "/file", Layout::table, test_bytes(9000));
  }
  const auto other = *Presence::join(*disk_, "/store/.engines");
  const auto own = *Presence::join(*disk_, "/store/.engines");
  const auto lock = *store_->lock("/store/ours/LOCK");
  keys_.add_generation(kNew);
  ReencryptOptions options;
  options.others = own.get();
  const ReencryptReport report = pass(options);
  EXPECT_EQ(report.done.files, 1U);
  ASSERT_THAT(report.pending, SizeIs(1));
  EXPECT_EQ(report.pending[0].path, "/store/theirs/file");
  EXPECT_THAT(report.pending[0].problem, HasSubstr("another process"));
}

TEST_F(ReencryptTest, AloneEverythingIsSwappedAndThePresenceStays) {
  write_file("/store/file", Layout::table, test_bytes(9000));
  const auto own = *Presence::join(*disk_, "/store-engines");
  keys_.add_generation(kNew);
  ReencryptOptions options;
  options.others = own.get();
  EXPECT_EQ(pass(options).done.files, 1U);
  EXPECT_FALSE(disk_->lock("/store-engines")) << "this process is not present any more";
}

// Renames, deletions, new links and readers beside it; whatever comes of the names, no content is
// lost and nothing old is left once a pass has had the store to itself.
TEST_F(ReencryptTest, ConcurrentRenamesDeletionsAndReadersLoseNothing) {
  constexpr int kFiles = 40;
  const auto path = [](int i) { return "/store/file-" + std::to_string(i); };
  const auto content = [](int i) { return test_bytes(20'000, static_cast<std::uint32_t>(i)); };
  for (int i = 0; i < kFiles; ++i) {
    write_file(path(i), i % 2 == 0 ? Layout::table : Layout::log, content(i));
  }
  std::vector<std::unique_ptr<RandomFile>> handles;
  for (int i = 0; i < kFiles; ++i) handles.push_back(*store_->open_random(path(i)));
  keys_.add_generation(kNew);
  std::atomic<bool> done = false;
  std::thread reader([&] {
    ByteVector block(3000);
    for (int i = 0; !done; i = (i + 1) % kFiles) {
      ASSERT_EQ(handles[static_cast<std::size_t>(i)]->read(7777, block).value_or(0), block.size());
      ASSERT_TRUE(std::ranges::equal(block, ByteView(content(i)).subspan(7777, block.size())));
    }
  });
  std::thread namer([&] {
    for (int i = kFiles - 1; i >= 0; --i) {
      if (i % 4 == 0) {
        EXPECT_TRUE(store_->remove(path(i)));
      }
      if (i % 4 == 1) {
        EXPECT_TRUE(store_->rename(path(i), path(i) + "-moved"));
      }
      if (i % 4 == 2) {
        EXPECT_TRUE(store_->link(path(i), path(i) + "-linked"));
      }
    }
  });
  pass();
  namer.join();
  pass();
  pass();
  done = true;
  reader.join();
  for (int i = 0; i < kFiles; ++i) {
    const bool there = disk_->info(path(i)).has_value();
    EXPECT_EQ(there, i % 4 > 1) << path(i);
    handles[static_cast<std::size_t>(i)].reset();
    if (there) expect_content(path(i), content(i));
    if (i % 4 == 1) expect_content(path(i) + "-moved", content(i));
    if (i % 4 == 2) expect_content(path(i) + "-linked", content(i));
  }
  EXPECT_EQ(covered().older_than(kNew).files, 0U);
}

}  // namespace
}  // namespace keyhold::store
