// I7 under RocksDB: what the engine synced is there after a crash at any instant.
#include <array>
#include <ostream>
#include <random>

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

struct Case {
  io::CrashPolicy policy;
  std::size_t recycled_logs;
  bool direct;
};

std::string name_of(const Case& tested) {
  constexpr std::array kPolicies = {"Kill", "PowerLoss", "LoseUnsynced"};
  std::string name = kPolicies.at(static_cast<std::size_t>(tested.policy));
  if (tested.recycled_logs > 0) name += "Recycled";
  if (tested.direct) name += "Direct";
  return name;
}

// GoogleTest's way to print a parameter.
void PrintTo(const Case& tested, std::ostream* out) {
  *out << name_of(tested);
}

class CrashTest : public ::testing::TestWithParam<Case> {
 public:
  // Every crash makes the LOG of the dead database fail, which is told as a warning.
  CrashTest() { log::set_level(log::Level::error); }
  ~CrashTest() override { log::set_level(log::Level::info); }

 protected:
  [[nodiscard]] rocksdb::Options options_for(const MemoryStore& store) const {
    rocksdb::Options options = small_options(store.store.env.get());
    options.recycle_log_file_num = GetParam().recycled_logs;
    options.use_direct_io_for_flush_and_compaction = GetParam().direct;
    options.use_direct_reads = GetParam().direct;
    return options;
  }
};

// Rounds of: open, check all that was ever acknowledged, write synced and unsynced, crash.
TEST_P(CrashTest, SyncedWritesAreThere) {
  constexpr int kRounds = 12;
  constexpr int kSyncedARound = 1500;
  constexpr int kUnsynced = 1'000'000;
  std::minstd_rand dice(20240501);
  auto store = std::make_unique<MemoryStore>();
  int synced = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    auto db = open_db(options_for(*store));
    ASSERT_TRUE(db);
    expect_range(*db, 0, synced);
    const int goal = synced + kSyncedARound / 2 + static_cast<int>(dice() % kSyncedARound);
    put_range(*db, synced, goal, true);
    put_range(*db, kUnsynced, kUnsynced + static_cast<int>(dice() % 300));
    synced = goal;
    auto after = store->crash(GetParam().policy, dice());
    db.reset();
    store = std::move(after);
  }
  const auto db = open_db(options_for(*store));
  ASSERT_TRUE(db);
  expect_range(*db, 0, synced);
  RecordProperty("acknowledged", synced);
}

INSTANTIATE_TEST_SUITE_P(Policies, CrashTest,
                         ::testing::Values(Case{io::CrashPolicy::kill, 0, false},
                                           Case{io::CrashPolicy::power_loss, 0, false},
                                           Case{io::CrashPolicy::power_loss, 4, false},
                                           Case{io::CrashPolicy::power_loss, 0, true},
                                           Case{io::CrashPolicy::lose_unsynced, 0, false},
                                           Case{io::CrashPolicy::lose_unsynced, 4, true}),
                         [](const auto& tested) { return name_of(tested.param); });

// A process that dies loses nothing that it handed over, synced or not.
TEST(Kill, UnsyncedWritesAreThere) {
  MemoryStore before;
  auto db = open_db(small_options(before.store.env.get()));
  put_range(*db, 0, 5000);
  const auto after = before.crash(io::CrashPolicy::kill);
  db.reset();
  const auto reopened = open_db(small_options(after->store.env.get()));
  ASSERT_TRUE(reopened);
  expect_range(*reopened, 0, 5000);
}

}  // namespace
}  // namespace keyhold::rocks
