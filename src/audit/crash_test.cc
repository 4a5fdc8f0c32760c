// Every failing operation, every crash: nothing that was recorded is lost, but for what may be.
#include <algorithm>

#include "audit/test_log.h"
#include "io/fault_file_system.h"

namespace keyhold::audit {
namespace {

using io::CrashPolicy;
using io::Fault;

LogOptions small_segments() {
  LogOptions options = patient();
  options.max_segment_bytes = 1000;
  return options;
}

constexpr int kProbes = 12;

// A life of a host: each third probe is refused. The numbers of those that were appended.
void live(Log& log, int first) {
  static_cast<void>(log.unseal(event(events::kStart), signer_of(1)));
  for (int i = first; i < first + kProbes; ++i) log.append(probe(i, i % 3 == 0 ? "denied" : "ok"));
  log.seal(event(events::kSeal));
}

std::vector<int> probes_in(io::FileSystem& files) {
  std::vector<int> numbers;
  for (const Record& record : records_of(files)) {
    if (record.event == events::kProbe) numbers.push_back(std::stoi(record.request_id));
  }
  return numbers;
}

std::vector<int> from_to(int first, int end) {
  std::vector<int> all;
  for (int number = first; number < end; ++number) all.push_back(number);
  return all;
}

class CrashTest : public LogTest {
 protected:
  // A disk of its own for each round.
  struct Disk {
    explicit Disk(const Clock& clock) : memory(clock), files(memory) {
      EXPECT_TRUE(memory.make_directory("/store", 0700));
      EXPECT_TRUE(memory.sync_directory("/"));
    }
    io::MemoryFileSystem memory;
    io::FaultFileSystem files;
  };
};

void expect_whole_log(io::FileSystem& files, const std::string& where) {
  const VerifyReport report = verified(files, signer_of(1));
  for (const Finding& finding : report.findings) {
    ADD_FAILURE() << where << ": " << finding.segment << " line " << finding.line << ": "
                  << finding.what;
  }
}

// Fails the Nth change of the disk once, for every N: all is there in the end.
TEST_F(CrashTest, AFailureThatPassesLosesNothing) {
  for (const auto effect :
       {Fault::Effect::nothing, Fault::Effect::prefix, Fault::Effect::everything}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      Disk disk(clock_);
      const std::string where = "change " + std::to_string(n);
      disk.files.set_fault({.at = n, .effect = effect});
      auto log = Log::open(disk.files, clock_, kDirectory, small_segments());
      if (!log) log = Log::open(disk.files, clock_, kDirectory, small_segments());
      ASSERT_TRUE(log) << where << log.error().message();
      live(**log, 0);
      EXPECT_TRUE((*log)->flush(Deadline::never()));
      fired = disk.files.fired();
      log->reset();
      EXPECT_EQ(probes_in(disk.memory), from_to(0, kProbes)) << where;
      expect_whole_log(disk.memory, where);
      // What is synced is there without the rest.
      const auto after = disk.memory.crash_image(CrashPolicy::lose_unsynced);
      EXPECT_EQ(probes_in(*after), from_to(0, kProbes)) << where;
    }
  }
}

// The disk dies at the Nth change, and with it the process: the next host goes on, the chain is
// whole, and what was recorded before the change is there.
TEST_F(CrashTest, ACrashAtAnyChangeLeavesALogToGoOnWith) {
  for (const auto policy :
       {CrashPolicy::kill, CrashPolicy::lose_unsynced, CrashPolicy::power_loss}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired; ++n) {
      Disk disk(clock_);
      const std::string where = "change " + std::to_string(n);
      disk.files.set_fault(
          {.at = n, .effect = Fault::Effect::prefix, .lasts = Fault::Lasts::stop_world});
      {
        auto log = Log::open(disk.files, clock_, kDirectory, small_segments());
        if (log) live(**log, 0);
      }
      fired = disk.files.fired();
      const auto after = disk.memory.crash(policy, n);
      std::vector<int> before;
      if (policy == CrashPolicy::kill && *io::exists(*after, kDirectory)) {
        before = probes_in(*after);
      }
      {
        const auto log = open_log(*after, clock_, small_segments());
        ASSERT_NE(log, nullptr) << where;
        live(*log, 100);
      }
      const std::vector<int> all = probes_in(*after);
      const auto second = std::ranges::find(all, 100);
      ASSERT_NE(second, all.end()) << where;
      const std::vector<int> kept(all.begin(), second);
      EXPECT_EQ(kept, from_to(0, static_cast<int>(kept.size()))) << where;
      EXPECT_EQ(std::vector<int>(second, all.end()), from_to(100, 100 + kProbes)) << where;
      EXPECT_TRUE(policy != CrashPolicy::kill || before == kept) << where;
      for (const Record& record : records_of(*after)) {
        EXPECT_NE(record.event, events::kLogBroken) << where;
        EXPECT_NE(record.event, events::kLost) << where;
      }
      expect_whole_log(*after, where);
    }
  }
}

// A power loss between any two records, with many seeds: only routine records at the end may go.
TEST_F(CrashTest, APowerLossTakesOnlyRoutineRecordsAfterTheLastSync) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    io::MemoryFileSystem files(clock_);
    ASSERT_TRUE(files.make_directory("/store", 0700));
    ASSERT_TRUE(files.sync_directory("/"));
    const auto log = open_log(files, clock_, small_segments());
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
    const int last_synced = static_cast<int>(seed % 7);
    const int routine = static_cast<int>(seed % 23);
    for (int i = 0; i < last_synced; ++i) log->append(probe(i, "denied"));
    for (int i = last_synced; i < last_synced + routine; ++i) log->append(probe(i));
    const auto after = files.crash_image(CrashPolicy::power_loss, seed);
    {
      const auto next = open_log(*after, clock_, small_segments());
      EXPECT_TRUE(next->unseal(event(events::kStart), signer_of(1)));
    }
    const auto kept = probes_in(*after);
    EXPECT_GE(kept.size(), static_cast<std::size_t>(last_synced)) << seed;
    EXPECT_EQ(kept, from_to(0, static_cast<int>(kept.size()))) << seed;
    expect_whole_log(*after, "seed " + std::to_string(seed));
  }
}

TEST_F(CrashTest, ATornLastLineIsCutAndARecordSaysSo) {
  {
    const auto log = open_log(files_, clock_);
    log->append(event(events::kStart));
    log->append(probe(1));
  }
  const std::string path = kDirectory + "/0000000000000001.jsonl";
  ByteVector text = *files_.raw(path);
  ASSERT_GT(text.size(), 30U);
  text.erase(text.end() - 30, text.end());
  ASSERT_TRUE(files_.set_raw(path, text));
  EXPECT_GT(verified(files_).torn_bytes, 0U);
  EXPECT_TRUE(verified(files_).findings.empty());
  { open_log(files_, clock_)->append(event(events::kStart)); }
  EXPECT_EQ(story_of(files_), "start repaired start");
  const auto records = records_of(files_);
  EXPECT_GT(records.at(1).count, 50U);
  expect_whole();
  EXPECT_EQ(verified(files_).torn_bytes, 0U);
}

// Damage with a synced record behind it is not a crash's: nothing is cut, and it stays visible.
TEST_F(CrashTest, DamageInTheMiddleIsLeftAndTheLogGoesOnInANewSegment) {
  {
    const auto log = open_log(files_, clock_);
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
    for (int i = 0; i < 5; ++i) log->append(probe(i, "denied"));
  }
  const std::string path = kDirectory + "/0000000000000001.jsonl";
  ByteVector text = *files_.raw(path);
  text[text.size() / 2] ^= 1;
  ASSERT_TRUE(files_.set_raw(path, text));
  for (int round = 0; round < 2; ++round) {
    const auto log = open_log(files_, clock_);
    log->append(event(events::kStart));
  }
  EXPECT_EQ(*files_.raw(path), text);
  EXPECT_EQ(list_segments(files_, kDirectory)->size(), 2U);
  const VerifyReport report = verified(files_);
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.front().segment, path);
  ASSERT_EQ(report.admissions.size(), 1U);
  EXPECT_EQ(report.admissions.front().event, events::kLogBroken);
}

TEST_F(CrashTest, ALogOfANewerKeyholdIsRefused) {
  { open_log(files_, clock_)->append(event(events::kStart)); }
  const std::string path = kDirectory + "/0000000000000001.jsonl";
  ByteVector text = *files_.raw(path);
  const std::string_view newer = "{\"seq\":2,\"v\":2}\n";
  text.insert(text.end(), newer.begin(), newer.end());
  ASSERT_TRUE(files_.set_raw(path, text));
  EXPECT_EQ(Log::open(files_, clock_, kDirectory).error().code(), Code::unsupported);
  EXPECT_EQ(*files_.raw(path), text);
}

}  // namespace
}  // namespace keyhold::audit
