#include "audit/log.h"

#include <atomic>
#include <thread>

#include "audit/test_log.h"
#include "io/fault_file_system.h"

namespace keyhold::audit {
namespace {

// The clock that dates files in memory: while it stands still, so does every write.
class HangingClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot_now() const override { return inner_.boot_now(); }
  [[nodiscard]] WallTime wall_now() const override {
    hangs_.wait(true);
    return inner_.wall_now();
  }
  void hang(bool hangs) {
    hangs_ = hangs;
    hangs_.notify_all();
  }

 private:
  ManualClock inner_;
  std::atomic<bool> hangs_ = false;
};

TEST_F(LogTest, RecordsAreThereInOrderAndChained) {
  const auto log = open_log(files_, clock_);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  for (int i = 0; i < 3; ++i) log->append(probe(i));
  log->append(probe(3, "disabled"));
  EXPECT_EQ(story_of(files_), "start checkpoint probe probe probe probe:disabled");
  const auto records = records_of(files_);
  for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i].seq, i + 1);
  EXPECT_EQ(records[0].time, clock_.wall_now());
  expect_whole(signer_of(1));
  EXPECT_EQ(log->health().last_seq, 6U);
  EXPECT_EQ(log->health().waiting, 0U);
}

TEST_F(LogTest, ASecondWriterIsBusyAndTheNextGoesOn) {
  auto log = open_log(files_, clock_);
  log->append(event(events::kStart));
  EXPECT_EQ(Log::open(files_, clock_, kDirectory).error().code(), Code::busy);
  log.reset();
  log = open_log(files_, clock_);
  log->append(event(events::kStart));
  EXPECT_EQ(records_of(files_).at(1).seq, 2U);
  expect_whole();
}

TEST_F(LogTest, SealSignsAndForgetsTheKey) {
  const auto log = open_log(files_, clock_);
  auto used = std::make_shared<int>(0);
  const Signer signer = [used](ByteView message) {
    ++*used;
    return signer_of(1)(message);
  };
  EXPECT_TRUE(log->unseal(event(events::kStart), signer));
  log->seal(event(events::kSeal));
  const int used_before = *used;
  for (int i = 0; i < 600; ++i) log->append(probe(i, "disabled"));
  log->checkpoint();
  EXPECT_EQ(*used, used_before);
  EXPECT_TRUE(log->unseal(event(events::kUnseal), signer));
  const std::string story = story_of(files_);
  EXPECT_TRUE(story.starts_with("start checkpoint seal checkpoint probe:disabled"));
  EXPECT_TRUE(story.ends_with("probe:disabled unseal checkpoint"));
  EXPECT_EQ(verified(files_, signer_of(1)).signed_up_to, 604 + 2U);
}

TEST_F(LogTest, EveryTwoHundredFiftySixthRecordIsACheckpoint) {
  const auto log = open_log(files_, clock_);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  for (int i = 0; i < 600; ++i) log->append(probe(i));
  const auto records = records_of(files_);
  EXPECT_EQ(records.at(1).event, "checkpoint");
  EXPECT_EQ(records.at(257).event, "checkpoint");
  EXPECT_EQ(records.at(513).event, "checkpoint");
  EXPECT_EQ(records.size(), 604U);
}

TEST_F(LogTest, ANewKekSignsFromTheNextCheckpointOn) {
  const auto log = open_log(files_, clock_);
  auto version = std::make_shared<std::uint32_t>(1);
  EXPECT_TRUE(log->unseal(event(events::kStart),
                          [version](ByteView message) { return signer_of(*version)(message); }));
  *version = 2;
  log->append(event(events::kRotateKek));
  log->checkpoint();
  EXPECT_EQ(records_of(files_).back().kek_version, 2U);
  const VerifyReport report = verified(files_, signer_of(2));
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.good_checkpoints, 1U);
  EXPECT_EQ(report.older_checkpoints, 1U);
  EXPECT_EQ(report.signed_up_to, 4U);
}

TEST_F(LogTest, ACleanCloseEndsWithACheckpoint) {
  auto log = open_log(files_, clock_);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  log->append(event(events::kStop));
  log.reset();
  EXPECT_EQ(story_of(files_), "start checkpoint stop checkpoint");
}

TEST_F(LogTest, TheChainRunsOnOverSegments) {
  LogOptions options = patient();
  options.max_segment_bytes = 2000;
  auto log = open_log(files_, clock_, options);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  for (int i = 0; i < 100; ++i) {
    log->append(probe(i));
    if (i % 30 == 0) {
      log.reset();
      log = open_log(files_, clock_, options);
      EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
    }
  }
  log.reset();
  const auto segments = list_segments(files_, kDirectory).value();
  EXPECT_GT(segments.size(), 10U);
  for (const Segment& segment : segments) {
    EXPECT_LE(files_.raw(segment.path)->size(), 2000U);
  }
  expect_whole(signer_of(1));
}

TEST_F(LogTest, ARoutineRecordIsNotSyncedAndAnyOtherIsWithAllBeforeIt) {
  const auto log = open_log(files_, clock_);
  log->append(event(events::kStart));
  log->append(probe(1));
  log->append(event(events::kUnwrap));
  auto after = files_.crash_image(io::CrashPolicy::lose_unsynced);
  EXPECT_EQ(story_of(*after), "start");
  EXPECT_EQ(story_of(*files_.crash_image(io::CrashPolicy::kill)), "start probe unwrap");
  log->append(event(events::kWrap));
  after = files_.crash_image(io::CrashPolicy::lose_unsynced);
  EXPECT_EQ(story_of(*after), "start probe unwrap wrap");
}

TEST_F(LogTest, AFullDiskHoldsUpNobodyAndLosesNothing) {
  const auto log = open_log(files_, clock_);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  files_.set_capacity(files_.raw(kDirectory + "/0000000000000001.jsonl")->size() + 50);
  log->append(probe(1, "disabled"));
  log->seal(event(events::kSeal));
  EXPECT_EQ(log->health().waiting, 3U);
  EXPECT_NE(log->health().problem, "");
  files_.set_capacity(1 << 20);
  EXPECT_TRUE(log->flush(Deadline::after(system_clock(), std::chrono::seconds(10))) ||
              log->health().waiting == 0);
  EXPECT_EQ(story_of(files_), "start checkpoint probe:disabled seal checkpoint");
  EXPECT_EQ(log->health().problem, "");
  expect_whole(signer_of(1));
}

TEST_F(LogTest, WhatDoesNotFitInMemoryIsCountedInARecord) {
  LogOptions options = patient();
  options.max_waiting = 20;
  const auto log = open_log(files_, clock_, options);
  log->append(event(events::kStart));
  files_.set_capacity(0);
  for (int i = 0; i < 15; ++i) log->append(probe(i));                  // 9 fit
  for (int i = 0; i < 30; ++i) log->append(probe(100 + i, "denied"));  // some more do
  EXPECT_LT(log->health().waiting, 21U);
  const std::uint64_t lost = log->health().lost;
  EXPECT_GT(lost, 20U);
  files_.set_capacity(1 << 20);
  EXPECT_TRUE(log->flush(Deadline::never()));
  std::uint64_t counted = 0;
  std::uint64_t kept = 0;
  for (const Record& record : records_of(files_)) {
    if (record.event == events::kLost) counted += record.count;
    if (record.event == events::kProbe) ++kept;
  }
  EXPECT_EQ(counted, lost);
  EXPECT_EQ(kept + lost, 45U);
  expect_whole();
  EXPECT_EQ(verified(files_).admissions.size(), 2U);
}

TEST(HangingDisk, HoldsUpNobodyForLongAndLosesNothing) {
  const ManualClock clock;
  HangingClock file_clock;
  io::MemoryFileSystem files(file_clock);
  ASSERT_TRUE(files.make_directory("/store", 0700));
  LogOptions options;
  options.patience = std::chrono::milliseconds(30);
  const auto log = open_log(files, clock, options);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  file_clock.hang(true);
  const BootTime before = system_clock().boot_now();
  log->append(probe(1, "disabled"));
  log->seal(event(events::kSeal));
  EXPECT_LT(system_clock().boot_now() - before, std::chrono::seconds(1));
  EXPECT_EQ(log->health().waiting, 3U);
  EXPECT_FALSE(log->flush(Deadline::after(clock, std::chrono::seconds(0))));
  file_clock.hang(false);
  EXPECT_TRUE(log->flush(Deadline::never()));
  EXPECT_EQ(story_of(files), "start checkpoint probe:disabled seal checkpoint");
}

TEST_F(LogTest, ThreadsAppendAtOnce) {
  {
    const auto log = open_log(files_, clock_);
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i)
          log->append(probe(1000 * t + i, i % 20 == 0 ? "denied" : "ok"));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  expect_whole(signer_of(1));
  std::size_t probes = 0;
  for (const Record& record : records_of(files_)) probes += record.event == events::kProbe ? 1 : 0;
  EXPECT_EQ(probes, 800U);
}

TEST_F(LogTest, TextsFromOutsideCannotBreakALine) {
  const auto log = open_log(files_, clock_);
  Record record = event("Not A Word", "two words");
  record.message = "a\nb\xff";
  log->append(record);
  const auto records = records_of(files_);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].event, "unknown");
  EXPECT_EQ(records[0].message, "a\nb\xef\xbf\xbd");
  expect_whole();
}

// A chain that somebody without the KEK made is not signed by the next host as if it were its own.
TEST_F(LogTest, AForgedLogIsNotTakenOver) {
  {
    const auto forged = open_log(files_, clock_);
    EXPECT_TRUE(forged->unseal(event(events::kStart), signer_of(1, 66)));
    forged->append(probe(1));
  }
  const auto log = open_log(files_, clock_);
  const Status trust = log->unseal(event(events::kStart), signer_of(1));
  ASSERT_FALSE(trust);
  EXPECT_EQ(trust.error().code(), Code::integrity);
  EXPECT_TRUE(story_of(files_).ends_with("log_broken:integrity start checkpoint"));
  const VerifyReport report = verified(files_, signer_of(1));
  EXPECT_FALSE(report.findings.empty());
  // Once said, it is said.
  log->seal(event(events::kSeal));
  EXPECT_TRUE(log->unseal(event(events::kUnseal), signer_of(1)));
}

TEST_F(LogTest, AnUnsignedOrOlderPastIsNamed) {
  { open_log(files_, clock_)->append(event(events::kStart)); }
  {
    const auto log = open_log(files_, clock_);
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  }
  EXPECT_EQ(story_of(files_), "start log_unanchored start checkpoint");
  const auto log = open_log(files_, clock_);
  EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(2)));
  EXPECT_TRUE(story_of(files_).ends_with("checkpoint log_unanchored start checkpoint"));
  EXPECT_EQ(verified(files_, signer_of(2)).admissions.size(), 2U);
  EXPECT_TRUE(verified(files_, signer_of(2)).findings.empty());
}

// A killed host signs its last records not; whoever rewrites them needs no key.
TEST_F(LogTest, RecordsThatNobodySignedAreCountedBeforeTheyAreSigned) {
  const auto killed = open_log(files_, clock_);
  EXPECT_TRUE(killed->unseal(event(events::kStart), signer_of(1)));
  for (int i = 0; i < 3; ++i) killed->append(probe(i, "denied"));
  const auto disk = files_.crash_image(io::CrashPolicy::kill);
  {
    const auto log = open_log(*disk, clock_);
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  }
  const auto records = records_of(*disk);
  ASSERT_EQ(records.size(), 8U);
  EXPECT_EQ(records[5].event, events::kLogUnanchored);
  EXPECT_EQ(records[5].count, 3U);
  EXPECT_EQ(records[5].message, "signed by nobody: records 3 to 5");
  EXPECT_EQ(records[7].event, events::kCheckpoint);
  // Once said, it is said.
  { EXPECT_TRUE(open_log(*disk, clock_)->unseal(event(events::kStart), signer_of(1))); }
  EXPECT_EQ(verified(*disk, signer_of(1)).admissions.size(), 1U);
}

TEST_F(LogTest, ALogThatWasRemovedIsNoNewOne) {
  LogOptions options = patient();
  options.expects_past = true;
  {
    const auto log = open_log(files_, clock_, options);
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
  }
  { EXPECT_TRUE(open_log(files_, clock_, options)->unseal(event(events::kStart), signer_of(1))); }
  EXPECT_EQ(story_of(files_), "log_unanchored start checkpoint start checkpoint");
  EXPECT_NE(records_of(files_).at(0).message.find("it was removed"), std::string::npos);
}

TEST(AuditEvents, TheDocumentNamesThemAll) {
  const auto bytes = io::read_file(io::posix_file_system(),
                                   std::string(KEYHOLD_DOCS_DIR) + "/formats/audit.md", 1 << 20);
  ASSERT_TRUE(bytes);
  const std::string_view document = as_text(*bytes);
  for (const std::string_view name : events::kAll) {
    EXPECT_NE(document.find("`" + std::string(name) + "`"), std::string_view::npos) << name;
  }
}

}  // namespace
}  // namespace keyhold::audit
