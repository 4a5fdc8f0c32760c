// Re-encryption, coverage and shredding by way of the host: what is wanted, who says what, what is
// refused.
#include "host/file_work.h"

#include <array>
#include <csignal>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/config.h"
#include "host/file_desk.h"
#include "host/file_worker.h"
#include "host/lock_holders.h"
#include "host/remote_keys.h"
#include "host/test_store.h"
#include "io/memory_file_system.h"
#include "store/store.h"

namespace keyhold::host {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FileWorkTest : public testing::Test {
 protected:
  FileWorkTest() {
    store_.make();
    host_ = *store_.open();
  }

  std::unique_ptr<store::AppendFile> begin_file(store::Store& files, const std::string& name) {
    auto file = files.create(store_.path + "/" + name, store::Layout::table);
    EXPECT_TRUE(file) << file.error().message();
    EXPECT_TRUE((*file)->append(as_bytes("content of a file")));
    return *std::move(file);
  }
  void write_file(const std::string& name) {
    store::Store files(io::posix_file_system(), *host_, crypto::system_random(), store_.path);
    EXPECT_TRUE(begin_file(files, name)->close());
  }
  std::unique_ptr<FileWorker> work(StoreKeys& keys, store::Store& files) {
    auto worker = FileWorker::start(keys, files, system_clock(), true);
    EXPECT_TRUE(worker);
    return *std::move(worker);
  }
  std::uint64_t older_files() {
    const auto report = host_->coverage();
    EXPECT_TRUE(report) << report.error().message();
    return report ? report->coverage.older_than(report->current).files : UINT64_MAX;
  }

  TestStore store_;
  std::unique_ptr<Host> host_;
};

TEST_F(FileWorkTest, TheEnginesProcessDoesWhatIsWantedAndTheWishEnds) {
  write_file("file");
  store::Store files(io::posix_file_system(), *host_, crypto::system_random(), store_.path);
  const auto worker = work(*host_, files);
  const auto target = host_->reencrypt(true, 0);
  ASSERT_TRUE(target);
  EXPECT_EQ(*target, Generation{2});
  EXPECT_TRUE(eventually([&] { return older_files() == 0; }));
  EXPECT_TRUE(host_->coverage()->wish.none());
  const auto shredded = host_->shred();
  ASSERT_TRUE(shredded) << shredded.error().message();
  EXPECT_EQ(shredded->generations, 1U);
  EXPECT_EQ(host_->ring().contents().generations.size(), 1U);
}

TEST_F(FileWorkTest, AClientDoesIt) {
  write_file("file");
  const auto client = RemoteKeys::connect(system_clock(), store_.path, std::chrono::seconds(5));
  ASSERT_TRUE(client);
  store::Store files(io::posix_file_system(), **client, crypto::system_random(), store_.path);
  const auto worker = work(**client, files);
  ASSERT_TRUE((*client)->reencrypt(true, 0));
  EXPECT_TRUE(eventually([&] { return older_files() == 0; }));
  const auto report = (*client)->coverage();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->current, Generation{2});
  EXPECT_THAT(report->workers, SizeIs(1));
}

TEST_F(FileWorkTest, ShreddingIsRefusedWhileAFileIsNotBroughtOver) {
  write_file("file");
  ASSERT_TRUE(host_->rotate_dek());
  const auto refused = host_->shred();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::busy);
  EXPECT_THAT(refused.error().message(), HasSubstr("/file is not re-encrypted yet"));
  EXPECT_EQ(host_->ring().contents().generations.size(), 2U);
}

TEST_F(FileWorkTest, ShreddingIsRefusedWhileAProcessHasADeletedFileOpen) {
  write_file("file");
  store::Store files(io::posix_file_system(), *host_, crypto::system_random(), store_.path);
  auto handle = files.open_random(store_.path + "/file");
  ASSERT_TRUE(handle);
  ASSERT_TRUE(files.remove(store_.path + "/file"));
  const auto worker = work(*host_, files);
  ASSERT_TRUE(host_->rotate_dek());
  EXPECT_TRUE(eventually([&] { return older_files() == 1; }));
  const auto refused = host_->shred();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::busy);
  EXPECT_EQ(host_->coverage()->coverage.pending.at(0).why, store::PendingFile::Why::deleted);
  handle->reset();
  EXPECT_TRUE(eventually([&] { return older_files() == 0; }));
  const auto shredded = host_->shred();
  EXPECT_TRUE(shredded) << shredded.error().message();
}

TEST_F(FileWorkTest, AWriterKeepsItsFileUntilItCloses) {
  store::Store files(io::posix_file_system(), *host_, crypto::system_random(), store_.path);
  const auto writer = begin_file(files, "live");
  const auto worker = work(*host_, files);
  ASSERT_TRUE(host_->reencrypt(true, 0));
  EXPECT_TRUE(eventually([&] {
    const auto report = host_->coverage();
    return report && report->coverage.pending.size() == 1 &&
           report->coverage.pending[0].why == store::PendingFile::Why::written;
  }));
  EXPECT_FALSE(host_->coverage()->wish.none());
  ASSERT_TRUE(writer->close());
  EXPECT_TRUE(eventually([&] { return older_files() == 0; }));
}

TEST_F(FileWorkTest, TheConfigIsUnderTheCurrentGenerationBeforeItsOldOneGoes) {
  ASSERT_TRUE(host_->rotate_dek());
  ASSERT_TRUE(host_->shred());
  const auto config = read_config(io::posix_file_system(), store_.layout);
  ASSERT_TRUE(config && *config);
  EXPECT_EQ((*config)->parsed.config.mac_generation, Generation{2});
  host_.reset();
  const auto again = store_.open();
  EXPECT_TRUE(again) << again.error().message();
}

TEST_F(FileWorkTest, TheWishSurvivesARestart) {
  write_file("file");
  ASSERT_TRUE(host_->reencrypt(true, 12345));
  host_.reset();
  host_ = *store_.open();
  EXPECT_EQ(host_->coverage()->wish, (FileWish{Generation{2}, 12345}));
  store::Store files(io::posix_file_system(), *host_, crypto::system_random(), store_.path);
  const auto worker = work(*host_, files);
  EXPECT_TRUE(eventually([&] { return older_files() == 0; }));
  EXPECT_FALSE(io::exists(io::posix_file_system(), FileWorkPaths(store_.layout).wish).value());
}

// A process that has the store's files open, as an engine does, and stands still.
class StillEngine {
 public:
  explicit StillEngine(const std::string& lock) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto presence = store::Presence::join(io::posix_file_system(), lock);
      const char here = presence ? '1' : '0';
      (void)!::write(ends[1], &here, 1);
      for (;;) ::pause();
    }
    char here = 0;
    EXPECT_EQ(::read(ends[0], &here, 1), 1);
    EXPECT_EQ(here, '1');
    ::close(ends[0]);
    ::close(ends[1]);
  }
  StillEngine(const StillEngine&) = delete;
  StillEngine& operator=(const StillEngine&) = delete;
  ~StillEngine() { kill(); }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

// The desk of a host that has been there for a while.
class FileDeskTest : public testing::Test {
 protected:
  FileDeskTest() {
    store_.make();
    clock_.advance(2 * FileDesk::kSilence);
  }
  void report(std::uint64_t process, std::int64_t pid, Generation current = Generation{2}) {
    desk_.take({.process = process,
                .pid = pid,
                .current = current,
                .clean = {},
                .open = {},
                .problem = {}});
  }
  Status hear() { return desk_.hear_from_all(Generation{2}, std::chrono::milliseconds(300)); }
  void expect_waits_for(std::int64_t pid) {
    const Status refused = hear();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::busy);
    EXPECT_THAT(refused.error().message(), HasSubstr("process " + std::to_string(pid) + " "));
  }

  TestStore store_;
  MovableClock clock_;
  const FileWorkPaths paths_{store_.layout};
  FileDesk desk_{io::posix_file_system(), clock_, store_.layout};
};

TEST_F(FileDeskTest, WithoutAnEngineNobodyIsWaitedFor) {
  report(1, 4711, Generation{1});
  EXPECT_TRUE(hear());
}

TEST_F(FileDeskTest, AProcessThatUsesAnOlderGenerationIsWaitedFor) {
  const auto engine = store::Presence::join(io::posix_file_system(), paths_.engines);
  ASSERT_TRUE(engine);
  report(1, ::getpid(), Generation{1});
  expect_waits_for(::getpid());
  report(1, ::getpid());
  EXPECT_TRUE(hear());
}

TEST_F(FileDeskTest, AProcessThatStandsStillIsWaitedForHoweverLongItIsSilent) {
  StillEngine engine(paths_.engines);
  report(1, engine.pid());
  EXPECT_TRUE(hear());
  clock_.advance(10 * FileDesk::kSilence);
  expect_waits_for(engine.pid());
}

TEST_F(FileDeskTest, OneThatTheHostNeverHeardOfIsWaitedForToo) {
  const StillEngine engine(paths_.engines);
  expect_waits_for(engine.pid());
}

TEST_F(FileDeskTest, AProcessThatIsGoneIsForgotten) {
  StillEngine killed(paths_.engines);
  const StillEngine next(paths_.engines);
  report(1, killed.pid());
  report(2, next.pid());
  killed.kill();
  clock_.advance(2 * FileDesk::kSilence);
  report(2, next.pid());
  const Status heard = hear();
  EXPECT_TRUE(heard) << heard.error().message();
}

// One process may open the store again and again; its locks are counted.
TEST_F(FileDeskTest, WorkThatEndedInAProcessThatLivesOnIsForgotten) {
  auto first = store::Presence::join(io::posix_file_system(), paths_.engines);
  ASSERT_TRUE(first);
  report(1, ::getpid());
  const auto second = store::Presence::join(io::posix_file_system(), paths_.engines);
  report(2, ::getpid());
  clock_.advance(2 * FileDesk::kSilence);
  report(2, ::getpid());
  expect_waits_for(::getpid());
  first->reset();
  EXPECT_TRUE(hear());
}

// It may stand still in a container whose processes the kernel does not show.
TEST_F(FileDeskTest, AProcessWhoseLockIsNotSeenIsKept) {
  const StillEngine engine(paths_.engines);
  report(1, 4711000);
  clock_.advance(2 * FileDesk::kSilence);
  report(2, engine.pid());
  expect_waits_for(4711000);
}

TEST(LockHolders, AreCountedByProcessAndFile) {
  const auto holders = parse_lock_holders(
      "1: FLOCK  ADVISORY  READ 2482 fe:00:9981887 0 EOF\n"
      "2: FLOCK  ADVISORY  READ 2482 fe:00:9981887 0 EOF\n"
      "3: FLOCK  ADVISORY  WRITE 7 fe:00:9981887 0 EOF\n"
      "3: -> FLOCK  ADVISORY  WRITE 8 fe:00:9981887 0 EOF\n"
      "4: POSIX  ADVISORY  READ 9 fe:00:9981887 0 EOF\n"
      "5: FLOCK  ADVISORY  READ 10 fe:00:9981888 0 EOF\n"
      "6: FLOCK  ADVISORY  READ 11 fe:01:9981887 0 EOF\n"
      "rubbish\n",
      makedev(0xfe, 0), 9981887);
  EXPECT_EQ(holders, (std::map<std::int64_t, std::size_t>{{2482, 2}, {7, 1}}));
}

TEST(FileWish, OtherContentThanAWishIsDamage) {
  io::MemoryFileSystem files;
  EXPECT_TRUE(read_wish(files, "/wish")->none());
  ASSERT_TRUE(write_wish(files, "/wish", {Generation{7}, 9}));
  EXPECT_EQ(*read_wish(files, "/wish"), (FileWish{Generation{7}, 9}));
  for (const char* text : {"", "keyhold re-encryption 1\n", "keyhold re-encryption 1\ntarget 1\n",
                           "keyhold re-encryption 1\ntarget 4294967296\nbytes_per_second 0\n",
                           "keyhold re-encryption 1\ntarget 1\nbytes_per_second 0\nmore\n"}) {
    ASSERT_TRUE(io::replace_file(files, "/wish", as_bytes(text)));
    const auto wish = read_wish(files, "/wish");
    ASSERT_FALSE(wish) << text;
    EXPECT_EQ(wish.error().code(), Code::integrity);
  }
}

TEST(CoverageJson, ReadsAsItWasWritten) {
  CoverageReport report;
  report.store = StoreId(std::array<std::uint8_t, 16>{1, 2, 3});
  report.current = Generation{3};
  report.oldest = Generation{1};
  report.kek_versions = {{Generation{1}, 4}, {Generation{3}, 4}};
  report.wish = {Generation{3}, 500};
  report.coverage.generations[Generation{1}] = {.named = {2, 200}, .unnamed = {1, 10}};
  report.coverage.plaintext = {1, 5};
  report.coverage.plaintext_paths = {"/s/plain"};
  report.coverage.unreadable = {1, 7};
  report.coverage.pending = {{.path = "/s/a",
                              .generation = Generation{1},
                              .bytes = 100,
                              .why = store::PendingFile::Why::written,
                              .problem = "p"}};
  report.workers = {{.pid = 12, .current = Generation{3}, .older_open_files = 1, .problem = "x"}};
  const auto read = coverage_from_json(to_json_text(report));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json_text(*read), to_json_text(report));
  EXPECT_EQ(read->coverage.older_than(Generation{3}).files, 4U);
  EXPECT_EQ(read->coverage.pending.at(0).why, store::PendingFile::Why::written);
  EXPECT_FALSE(coverage_from_json("{}"));
  EXPECT_FALSE(coverage_from_json("no json"));
}

}  // namespace
}  // namespace keyhold::host
