#include "kms/local/access_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/memory_file_system.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::kms::local {
namespace {

class AccessLogTest : public testing::Test {
 protected:
  AccessLogTest() : files_(clock_) { EXPECT_TRUE(files_.make_directory("/kms", 0700).has_value()); }

  static AccessLogEntry entry(int number) {
    AccessLogEntry entry;
    entry.request_id = std::to_string(number);
    entry.operation = "probe";
    entry.key = "orders";
    entry.outcome = "ok";
    return entry;
  }
  void append(AccessLog& log, int number) {
    const Status done = log.append(entry(number), false, Deadline::never());
    ASSERT_TRUE(done.has_value()) << done.error().message();
  }
  static std::vector<int> numbers(const AccessLog& log, std::size_t limit) {
    std::vector<int> found;
    const auto entries = log.tail(limit, Deadline::never()).value();
    found.reserve(entries.size());
    for (const AccessLogEntry& one : entries) found.push_back(std::stoi(one.request_id));
    return found;
  }

  ManualClock clock_;
  io::MemoryFileSystem files_;
};

std::vector<int> from_to(int first, int last) {
  std::vector<int> all;
  for (int number = first; number <= last; ++number) all.push_back(number);
  return all;
}

TEST_F(AccessLogTest, EmptyLogHasNoEntries) {
  const AccessLog log("/kms", files_, clock_);
  EXPECT_TRUE(numbers(log, 10).empty());
}

TEST_F(AccessLogTest, TailGivesTheLastEntriesOldestFirst) {
  AccessLog log("/kms", files_, clock_);
  for (int number = 1; number <= 5; ++number) append(log, number);
  EXPECT_EQ(numbers(log, 10), from_to(1, 5));
  EXPECT_EQ(numbers(log, 2), from_to(4, 5));
  EXPECT_TRUE(numbers(log, 0).empty());
}

// More than what the first step back from the end reads (256 KiB).
TEST_F(AccessLogTest, TailReadsBackAsFarAsItMust) {
  AccessLog log("/kms", files_, clock_);
  std::string lines;
  for (int number = 1; number <= 600; ++number) {
    AccessLogEntry large = entry(number);
    large.context["cluster"] = std::string(1000, 'c');
    lines += serialize_log_entry(large);
  }
  ASSERT_GT(lines.size(), 600'000U);
  append(log, 0);
  ASSERT_TRUE(
      files_.set_raw("/kms/access.log", ByteVector(lines.begin(), lines.end())).has_value());
  for (const int count : {1, 200, 300, 500, 600}) {
    EXPECT_EQ(numbers(log, static_cast<std::size_t>(count)), from_to(601 - count, 600));
  }
  EXPECT_EQ(numbers(log, 700), from_to(1, 600));
}

TEST_F(AccessLogTest, FullFileIsSetAsideAndBothAreRead) {
  const std::size_t line_size = serialize_log_entry(entry(1)).size();
  AccessLog log("/kms", files_, clock_, 3 * line_size);
  for (int number = 1; number <= 8; ++number) append(log, number);
  EXPECT_EQ(files_.raw("/kms/access.log.1").value().size(), 3 * line_size);
  EXPECT_EQ(files_.raw("/kms/access.log").value().size(), 2 * line_size);
  EXPECT_EQ(numbers(log, 10), from_to(4, 8));
  EXPECT_EQ(numbers(log, 2), from_to(7, 8));
}

TEST_F(AccessLogTest, TornLineCostsNoOther) {
  AccessLog log("/kms", files_, clock_);
  append(log, 1);
  append(log, 2);
  ByteVector content = files_.raw("/kms/access.log").value();
  content.resize(content.size() - 20);
  ASSERT_TRUE(files_.set_raw("/kms/access.log", content).has_value());
  append(log, 3);
  EXPECT_EQ(numbers(log, 10), (std::vector<int>{1, 3}));
}

TEST(AccessLogFiles, WhatRootMakesBelongsToTheOwnerOfTheDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  constexpr uid_t kNobody = 65534;
  const ScratchDirectory scratch;
  ASSERT_EQ(::chown(scratch.path().c_str(), kNobody, kNobody), 0);
  AccessLog log(scratch.path(), io::posix_file_system(), system_clock(), 1);
  for (int number = 1; number <= 2; ++number) {  // the second one sets the first file aside
    AccessLogEntry entry;
    entry.operation = "probe";
    entry.key = "orders";
    entry.outcome = "ok";
    ASSERT_TRUE(log.append(entry, false, Deadline::never()).has_value());
  }
  for (const char* name : {"access.log", "access.log.1"}) {
    struct stat info {};
    ASSERT_EQ(::stat((scratch / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_uid, kNobody) << name;
    EXPECT_EQ(info.st_gid, kNobody) << name;
    EXPECT_EQ(info.st_mode & 07777U, 0600U) << name;
  }
}

TEST_F(AccessLogTest, DurableEntrySurvivesThePowerLoss) {
  AccessLog log("/kms", files_, clock_);
  append(log, 1);
  ASSERT_TRUE(files_.sync_directory("/").has_value());
  ASSERT_TRUE(log.append(entry(2), true, Deadline::never()).has_value());
  append(log, 3);
  const auto after = files_.crash_image(io::CrashPolicy::lose_unsynced);
  EXPECT_EQ(numbers(AccessLog("/kms", *after, clock_), 10), from_to(1, 2));
}

}  // namespace
}  // namespace keyhold::kms::local
