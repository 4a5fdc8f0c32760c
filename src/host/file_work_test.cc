// Re-encryption, coverage and shredding by way of the host: what is wanted, who says what, what is
// refused.
#include "host/file_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/config.h"
#include "host/file_desk.h"
#include "host/file_worker.h"
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

TEST_F(FileWorkTest, AProcessThatSaysNothingHoldsAShreddingUp) {
  const FileWorkPaths paths(store_.layout);
  ASSERT_TRUE(host_->rotate_dek());
  const auto engine = store::Presence::join(io::posix_file_system(), paths.engines);
  ASSERT_TRUE(engine);
  FileDesk desk(io::posix_file_system(), system_clock(), store_.layout);
  desk.take({.process = 1,
             .pid = 4711,
             .current = Generation{1},
             .clean = {},
             .open = {},
             .problem = {}});
  std::thread closer([&] { desk.close(); });
  const Status refused = desk.hear_from_all(Generation{2});
  closer.join();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::busy);
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
