#include "store/store.h"

#include <cerrno>

#include "io/fault_file_system.h"
#include "store/construction.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

class StorePaths : public StoreTest {};

TEST_F(StorePaths, InsideIsNormalised) {
  EXPECT_EQ(*store_->locate("/store//db/./x/"), "/store/db/x");
  EXPECT_EQ(*store_->locate("/store"), "/store");
}

TEST_F(StorePaths, OutsideIsRefused) {
  for (const char* path : {"/", "/stores/x", "/store/../etc/passwd", "store/x", "", "/storex"}) {
    const auto located = store_->locate(path);
    ASSERT_FALSE(located) << path;
    EXPECT_EQ(located.error().code(), Code::permission);
  }
}

TEST_F(StorePaths, OwnFoldersAreOutOfReach) {
  EXPECT_FALSE(store_->locate("/store/.keyhold/keyring.a"));
  EXPECT_FALSE(store_->locate("/store/.keyhold"));
  EXPECT_FALSE(store_->locate("/store/fs/x"));
  EXPECT_TRUE(store_->locate("/store/.keyholdx"));
}

class StoreFolder : public StoreTest {};

TEST_F(StoreFolder, ListsEncryptedFilesOnly) {
  ASSERT_TRUE(disk_->make_directory("/store/.keyhold", 0700));
  ASSERT_TRUE(disk_->make_directory("/store/db", 0700));
  ASSERT_TRUE(io::replace_file(*disk_, "/store/.keyhold/keyring.a", as_bytes("x")));
  ASSERT_TRUE(io::replace_file(*disk_, "/store/db/LOCK", {}));
  write_file("/store/db/b", Layout::log, test_bytes(10));
  write_file("/store/a", Layout::table, test_bytes(10));
  EXPECT_EQ(*store_->list_files(), (std::vector<std::string>{"/store/a", "/store/db/b"}));
}

TEST_F(StoreFolder, AFullLockFileIsNoLockFile) {
  ASSERT_TRUE(io::replace_file(*disk_, "/store/LOCK", as_bytes("plaintext")));
  ASSERT_EQ(store_->list_files()->size(), 1U);
  EXPECT_EQ(verify("/store/LOCK").findings.size(), 1U);
}

TEST_F(StoreFolder, LeftoversOfACrashAreDeleted) {
  const std::string leftover = "/store/" + std::string(kTemporaryPrefix) + "00";
  ASSERT_TRUE(io::replace_file(*disk_, leftover, as_bytes("x")));
  EXPECT_TRUE(store_->list_files()->empty());
  EXPECT_EQ(*store_->remove_leftovers(), 1U);
  EXPECT_FALSE(*io::exists(*disk_, leftover));
}

TEST_F(StoreFolder, AFileUnderConstructionIsNoLeftover) {
  const std::string temporary = "/store/" + std::string(kTemporaryPrefix) + "00";
  const auto maker = disk_->lock(temporary);
  ASSERT_TRUE(maker);
  EXPECT_EQ(*store_->remove_leftovers(), 0U);
  EXPECT_TRUE(*io::exists(*disk_, temporary));
}

// Whoever removes leftovers may meet a name between its making and its lock: the maker finds it
// locked, or gone.
TEST_F(StoreFolder, ACreateThatIsTakenForALeftoverTriesAnotherName) {
  io::FaultFileSystem faulty(*disk_);
  Store store(faulty, keys_, crypto::system_random(), "/store");
  for (const int error_number : {EWOULDBLOCK, ENOENT}) {
    io::Fault fault{
        .at = 1, .error_number = error_number, .path_part = std::string(kTemporaryPrefix)};
    faulty.set_fault(fault);
    EXPECT_TRUE(store.create("/store/f", Layout::log)) << error_number;
    EXPECT_TRUE(faulty.fired());
    fault.counts = io::Fault::Counts::everything;
    fault.at = 2;  // behind the lock, the open
    faulty.set_fault(fault);
    EXPECT_TRUE(store.create("/store/f", Layout::table)) << error_number;
    EXPECT_TRUE(faulty.fired());
    fault.lasts = io::Fault::Lasts::from_there_on;
    faulty.set_fault(fault);
    EXPECT_FALSE(store.create("/store/g", Layout::table)) << error_number;
  }
  faulty.set_fault({});
  EXPECT_TRUE(store.remove_leftovers());
  EXPECT_EQ(disk_->list("/store")->size(), 1U);
}

TEST_F(StoreFolder, AFailedCreateLeavesNothing) {
  EXPECT_FALSE(store_->create("/store/no/such/folder/f", Layout::log));
  EXPECT_TRUE(disk_->list("/store")->empty());
}

}  // namespace
}  // namespace keyhold::store
