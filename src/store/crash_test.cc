// Invariant I7 for append-mode files: what was synced survives power loss and failing disks; what
// was not is lost from the end on only.
#include <cerrno>

#include "io/fault_file_system.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

constexpr std::uint64_t kSeeds = 400;

class Crash : public StoreTest {
 protected:
  void crash(io::CrashPolicy policy, std::uint64_t seed) {
    store_.reset();
    disk_ = disk_->crash(policy, seed);
    mount();
  }
};

// A log being written in a random rhythm of appends and syncs.
struct Writing {
  ByteVector content;
  std::size_t synced = 0;

  void step(AppendFile& file, std::minstd_rand& random) {
    const ByteVector piece = test_bytes(random() % 900 + 1, static_cast<std::uint32_t>(random()));
    ASSERT_TRUE(file.append(piece));
    content.insert(content.end(), piece.begin(), piece.end());
    if (random() % 4 == 0) {
      ASSERT_TRUE(file.sync(false));
      synced = content.size();
    }
  }
};

void expect_prefix(const ByteVector& read, const Writing& writing, std::uint64_t seed) {
  ASSERT_GE(read.size(), writing.synced) << "seed " << seed;
  ASSERT_LE(read.size(), writing.content.size()) << "seed " << seed;
  ASSERT_TRUE(std::equal(read.begin(), read.end(), writing.content.begin())) << "seed " << seed;
}

TEST_F(Crash, PowerLossTakesFromALogOnlyWhatWasNotSynced) {
  std::uint64_t shorter = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::minstd_rand random(static_cast<std::uint32_t>(seed));
    Writing writing;
    {
      const auto file = *store_->create("/store/f", Layout::log);
      ASSERT_TRUE(disk_->sync_directory("/store"));
      for (std::size_t steps = random() % 30 + 1; steps > 0; --steps) writing.step(*file, random);
    }
    crash(io::CrashPolicy::power_loss, seed);
    const auto read = read_back("/store/f");
    ASSERT_TRUE(read) << "seed " << seed << ": " << read.error().message();
    expect_prefix(*read, writing, seed);
    if (read->size() < writing.content.size()) ++shorter;
  }
  EXPECT_GT(shorter, kSeeds / 10) << "the crashes lost nothing: they prove nothing";
}

TEST_F(Crash, ARecycledLogLosesOnlyWhatWasNotSynced) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::minstd_rand random(static_cast<std::uint32_t>(seed));
    write_file("/store/old", Layout::log, test_bytes(20000, 99), 333);
    ASSERT_TRUE(disk_->sync_directory("/store"));
    Writing writing;
    {
      const auto file = *store_->recycle("/store/old", "/store/f");
      ASSERT_TRUE(disk_->sync_directory("/store"));
      for (std::size_t steps = random() % 30 + 1; steps > 0; --steps) writing.step(*file, random);
    }
    crash(io::CrashPolicy::power_loss, seed);
    const auto read = read_back("/store/f");
    ASSERT_TRUE(read) << "seed " << seed << ": " << read.error().message();
    expect_prefix(*read, writing, seed);
    ASSERT_TRUE(disk_->remove("/store/f"));
  }
}

TEST_F(Crash, ALogGoesOnAfterEachOfManyCrashes) {
  Writing writing;
  ASSERT_TRUE((*store_->create("/store/f", Layout::log))->close());
  ASSERT_TRUE(disk_->sync_directory("/store"));
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::minstd_rand random(static_cast<std::uint32_t>(seed));
    {
      auto file = store_->reopen("/store/f");
      ASSERT_TRUE(file) << "seed " << seed << ": " << file.error().message();
      for (std::size_t steps = random() % 10 + 1; steps > 0; --steps) writing.step(**file, random);
    }
    crash(io::CrashPolicy::power_loss, seed);
    const auto read = read_back("/store/f");
    ASSERT_TRUE(read) << "seed " << seed << ": " << read.error().message();
    expect_prefix(*read, writing, seed);
    writing = {.content = *read, .synced = read->size()};
  }
}

TEST_F(Crash, ASyncedTableIsWhole) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const ByteVector content = test_bytes(seed * 311, static_cast<std::uint32_t>(seed));
    write_file("/store/f", Layout::table, content);
    ASSERT_TRUE(disk_->sync_directory("/store"));
    crash(io::CrashPolicy::power_loss, seed);
    ASSERT_EQ(*read_back("/store/f"), content);
    ASSERT_TRUE(verify("/store/f").findings.empty());
  }
}

TEST_F(Crash, AnUnsyncedTableIsNamedOrWhole) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ByteVector content = test_bytes(15000);
    {
      const auto file = *store_->create("/store/f", Layout::table);
      ASSERT_TRUE(disk_->sync_directory("/store"));
      ASSERT_TRUE(file->append(content));
      ASSERT_TRUE(file->close());
    }
    crash(io::CrashPolicy::power_loss, seed);
    const auto read = read_back("/store/f");
    if (read) {
      ASSERT_EQ(*read, content) << "seed " << seed;
    } else {
      ASSERT_EQ(read.error().code(), Code::integrity) << read.error().message();
    }
  }
}

// A name whose file was lost with the power is gone; it never comes back short or empty (LESSONS
// 17).
TEST_F(Crash, AHeaderIsWholeWhereverTheNameIs) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    {
      const auto file = *store_->create("/store/f", Layout::log);
    }
    crash(io::CrashPolicy::power_loss, seed);
    if (!*io::exists(*disk_, "/store/f")) continue;
    ASSERT_TRUE(store_->describe("/store/f")) << "seed " << seed;
  }
}

TEST_F(Crash, AFlippedBitInTheSyncedPartOfALogIsCorruptionNotTheEnd) {
  {
    const auto file = *store_->create("/store/f", Layout::log);
    for (std::uint32_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(file->append(test_bytes(400, i)));
      ASSERT_TRUE(file->sync(false));
    }
  }
  mount();
  const std::size_t size = disk_->raw("/store/f")->size();
  // All but the last frame is named as synced by a later one.
  for (std::uint64_t byte = 4096; byte < size - 480; byte += 13) {
    ASSERT_TRUE(disk_->flip_bit("/store/f", byte * 8 + byte % 8));
    const auto file = store_->open_random("/store/f");
    ASSERT_TRUE(file);
    const auto measured = (*file)->size();
    ASSERT_FALSE(measured) << "byte " << byte;
    EXPECT_EQ(measured.error().code(), Code::integrity);
    ASSERT_TRUE(disk_->flip_bit("/store/f", byte * 8 + byte % 8));
  }
}

// Long runs of zeros are passed over quickly, but never taken for the end where synced frames
// stood.
TEST_F(Crash, AHoleOverSyncedFramesIsDamageHoweverLong) {
  ByteVector raw;
  {
    const auto file = *store_->create("/store/f", Layout::log);
    for (std::uint32_t i = 0; i < 40; ++i) {
      ASSERT_TRUE(file->append(test_bytes(20000, i)));
      ASSERT_TRUE(file->sync(false));
    }
    raw = *disk_->raw("/store/f");
  }
  const std::size_t last_frame = raw.size() - 3808;  // of 3728 bytes, what 8136 twice leave
  for (const std::size_t from : {std::size_t{4096}, std::size_t{30000}, raw.size() / 2}) {
    ByteVector punched = raw;
    std::fill(punched.begin() + static_cast<std::ptrdiff_t>(from),
              punched.begin() + static_cast<std::ptrdiff_t>(last_frame), 0);
    ASSERT_TRUE(disk_->set_raw("/store/f", punched));
    EXPECT_EQ(store_->logical_size("/store/f").error().code(), Code::integrity) << from;
  }
}

TEST_F(Crash, ZerosBehindTheEndAreNoContent) {
  const ByteVector content = test_bytes(5000);
  ByteVector raw;
  {
    const auto file = *store_->create("/store/f", Layout::log);
    ASSERT_TRUE(file->append(content));
    raw = *disk_->raw("/store/f");
  }
  const std::size_t size_bytes = raw.size();
  raw.resize(size_bytes + (std::size_t{32} << 20) + 5);
  ASSERT_TRUE(disk_->set_raw("/store/f", raw));
  EXPECT_EQ(*read_back("/store/f"), content);
  ASSERT_TRUE((*store_->reopen("/store/f"))->close());
  EXPECT_EQ(*read_back("/store/f"), content);
  EXPECT_EQ(disk_->raw("/store/f")->size(), size_bytes);
}

// A write that failed may have reached the disk all the same. Once the log is closed, it counts no
// more: size, content and verification agree.
TEST_F(Crash, AClosedLogEndsBeforeAFailedLastWrite) {
  const ByteVector content = test_bytes(500);
  io::FaultFileSystem faulty(*disk_);
  Store store(faulty, keys_, crypto::system_random(), "/store");
  const auto file = *store.create("/store/f", Layout::log);
  ASSERT_TRUE(file->append(content));
  const std::size_t size_before = disk_->raw("/store/f")->size();
  faulty.set_fault({.at = 1, .error_number = ENOSPC, .effect = io::Fault::Effect::everything});
  ASSERT_FALSE(file->append(test_bytes(700, 2)));
  ASSERT_TRUE(file->close());
  ASSERT_GT(disk_->raw("/store/f")->size(), size_before) << "nothing stands behind the end";
  EXPECT_EQ(*read_back("/store/f"), content);
  EXPECT_EQ(*store_->logical_size("/store/f"), content.size());
  EXPECT_TRUE(verify("/store/f").findings.empty());

  ASSERT_TRUE((*store_->reopen("/store/f"))->close());
  EXPECT_EQ(*read_back("/store/f"), content);
  EXPECT_EQ(disk_->raw("/store/f")->size(), size_before);
}

TEST_F(Crash, DamageIsReportedAfterWhatCameBeforeIt) {
  {
    const auto file = *store_->create("/store/f", Layout::log);
    for (std::uint32_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(file->append(test_bytes(400, i)));
      ASSERT_TRUE(file->sync(false));
    }
  }
  ASSERT_TRUE(
      disk_->flip_bit("/store/f", (4096 + 96 + 480 + 100) * 8));  // in the second data frame
  const auto file = *store_->open_sequential("/store/f");
  ByteVector out(4000);
  ASSERT_EQ(*file->read(out), 400U);
  EXPECT_EQ(file->read(out).error().code(), Code::integrity);
}

// Every operation of a small life fails once: the error is told, nothing acknowledged is lost, the
// next start is clean.
class EveryFault : public StoreTest, public ::testing::WithParamInterface<io::Fault::Effect> {};

TEST_P(EveryFault, LosesNothingThatWasAcknowledged) {
  for (std::uint64_t n = 1;; ++n) {
    io::MemoryFileSystem disk;
    ASSERT_TRUE(disk.make_directory("/store", 0700));
    ASSERT_TRUE(disk.sync_directory("/"));
    io::FaultFileSystem faulty(disk);
    Writing log;
    bool table_synced = false;
    {
      Store store(faulty, keys_, crypto::system_random(), "/store");
      faulty.set_fault({.at = n, .error_number = ENOSPC, .effect = GetParam()});
      auto file = store.create("/store/log", Layout::log);
      for (std::uint32_t i = 0; file && i < 6; ++i) {
        const ByteVector piece = test_bytes(700, i);
        if (!(*file)->append(piece)) continue;
        log.content.insert(log.content.end(), piece.begin(), piece.end());
        if ((*file)->sync(false)) log.synced = log.content.size();
      }
      auto table = store.create("/store/table", Layout::table);
      if (table && (*table)->append(test_bytes(9000)) && (*table)->sync(true)) {
        table_synced = true;
        static_cast<void>((*table)->close());
      }
    }
    const bool fired = faulty.fired();
    faulty.set_fault({});
    Store store(disk, keys_, crypto::system_random(), "/store");
    ASSERT_TRUE(store.remove_leftovers());
    if (log.synced > 0) {
      const auto file = store.open_sequential("/store/log");
      ASSERT_TRUE(file) << n << ": " << file.error().message();
      ByteVector read(log.content.size() + 1000);
      const auto count = (*file)->read(read);
      ASSERT_TRUE(count) << n << ": " << count.error().message();
      read.resize(*count);
      // Behind it may stand what was written although the disk said otherwise.
      if (GetParam() == io::Fault::Effect::everything)
        read.resize(std::min(read.size(), log.content.size()));
      expect_prefix(read, log, n);
    }
    if (table_synced) {
      const auto file = store.open_random("/store/table");
      ASSERT_TRUE(file) << n << ": " << file.error().message();
      ByteVector read(9000);
      ASSERT_EQ(*(*file)->read(0, read), 9000U);
      EXPECT_EQ(read, test_bytes(9000));
    }
    if (!fired) {
      EXPECT_GT(n, 15U);
      break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Effects, EveryFault,
                         ::testing::Values(io::Fault::Effect::nothing, io::Fault::Effect::prefix,
                                           io::Fault::Effect::everything));

}  // namespace
}  // namespace keyhold::store
