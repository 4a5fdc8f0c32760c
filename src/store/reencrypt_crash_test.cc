// Re-encryption cut short at every operation on files: nothing acknowledged is lost, and the next
// pass brings it to its end.
#include <gtest/gtest.h>

#include "io/fault_file_system.h"
#include "store/coverage.h"
#include "store/reencryptor.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

using io::CrashPolicy;
using io::Fault;

constexpr Generation kNew{2};

class ReencryptCrash : public StoreTest {
 protected:
  ReencryptCrash() {
    EXPECT_TRUE(disk_->make_directory("/store/copy", 0700));
    write_file("/store/table", Layout::table, table_);
    write_file("/store/log", Layout::log, log_);
    EXPECT_TRUE(store_->link("/store/table", "/store/copy/table"));
    for (const char* folder : {"/", "/store", "/store/copy"}) {
      EXPECT_TRUE(disk_->sync_directory(folder));
    }
    keys_.add_generation(kNew);
  }

  // Of a disk after whatever happened to it.
  void expect_whole(io::MemoryFileSystem& disk) {
    Store store(disk, keys_, crypto::system_random(), "/store");
    expect_content(store);
    const auto report = reencrypt(store, kNew, {});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(report->pending.empty());
    expect_content(store);
    const auto coverage = cover(store, kNew, {});
    ASSERT_TRUE(coverage);
    EXPECT_EQ(coverage->older_than(kNew).files, 0U);
    EXPECT_EQ(disk.list("/store")->size(), 3U) << "a leftover";
    EXPECT_EQ(disk.list("/store/copy")->size(), 1U) << "a leftover";
  }

  void expect_content(Store& store) {
    for (const auto& [path, content] :
         {std::pair("/store/table", &table_), std::pair("/store/copy/table", &table_),
          std::pair("/store/log", &log_)}) {
      const auto file = store.open_sequential(path);
      ASSERT_TRUE(file) << file.error().message();
      ByteVector read(content->size() + 1);
      ASSERT_EQ((*file)->read(read).value_or(0), content->size()) << path;
      read.resize(content->size());
      EXPECT_EQ(read, *content) << path;
    }
  }

  const ByteVector table_ = test_bytes(30'000);
  const ByteVector log_ = test_bytes(9'000, 2);
};

TEST_F(ReencryptCrash, AStopAtEveryOperationLosesNothing) {
  for (const auto effect :
       {Fault::Effect::nothing, Fault::Effect::prefix, Fault::Effect::everything}) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      const auto disk = disk_->crash_image(CrashPolicy::kill);
      io::FaultFileSystem files(*disk);
      {
        Store store(files, keys_, crypto::system_random(), "/store");
        files.set_fault({.at = at, .effect = effect, .lasts = Fault::Lasts::stop_world});
        static_cast<void>(reencrypt(store, kNew, {}));
      }
      fired = files.fired();
      expect_whole(*disk->crash(CrashPolicy::kill));
      if (HasFailure()) return;
    }
    EXPECT_GT(at, 20U);
  }
}

TEST_F(ReencryptCrash, APowerLossAtEveryOperationLosesNothing) {
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      SCOPED_TRACE("operation " + std::to_string(at) + ", seed " + std::to_string(seed));
      const auto disk = disk_->crash_image(CrashPolicy::kill);
      io::FaultFileSystem files(*disk);
      {
        Store store(files, keys_, crypto::system_random(), "/store");
        files.set_fault({.at = at, .lasts = Fault::Lasts::stop_world});
        static_cast<void>(reencrypt(store, kNew, {}));
      }
      fired = files.fired();
      const auto policy = seed == 0 ? CrashPolicy::lose_unsynced : CrashPolicy::power_loss;
      expect_whole(*disk->crash(policy, seed));
      if (HasFailure()) return;
    }
  }
}

// Reads fail too; open handles read on whatever happens.
TEST_F(ReencryptCrash, OneFailureIsMadeUpForByTheNextPassAndHandlesReadOn) {
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    const auto disk = disk_->crash_image(CrashPolicy::kill);
    io::FaultFileSystem files(*disk);
    Store store(files, keys_, crypto::system_random(), "/store");
    const auto handle = store.open_random("/store/copy/table");
    ASSERT_TRUE(handle);
    files.set_fault({.at = at, .counts = Fault::Counts::everything});
    static_cast<void>(reencrypt(store, kNew, {}));
    fired = files.fired();
    files.set_fault({});
    ByteVector read(table_.size());
    ASSERT_EQ((*handle)->read(0, read).value_or(0), table_.size());
    EXPECT_EQ(read, table_);
    ASSERT_TRUE(reencrypt(store, kNew, {}));
    ASSERT_EQ((*handle)->read(0, read).value_or(0), table_.size());
    EXPECT_EQ(read, table_);
    const auto coverage = cover(store, kNew, open_files(store));
    ASSERT_TRUE(coverage);
    EXPECT_EQ(coverage->older_than(kNew).files, 0U);
    expect_whole(*disk);
    if (HasFailure()) return;
  }
  EXPECT_GT(at, 50U);
}

TEST_F(ReencryptCrash, AFullDiskLosesNothing) {
  disk_->set_capacity(1);
  const auto outcome = reencrypt(*store_, kNew, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::no_space);
  disk_->set_capacity(UINT64_MAX);
  expect_whole(*disk_);
}

}  // namespace
}  // namespace keyhold::store
