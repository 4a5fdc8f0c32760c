// I7 under RocksDB: what the engine synced is there after a crash at any instant, of the process or
// of the machine, also while the keys are being changed.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <ostream>
#include <random>
#include <semaphore>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "store/coverage.h"
#include "store/reencryptor.h"
#include "tests/rocksdb/ring_store.h"

namespace keyhold::rocks {
namespace {

constexpr std::size_t kLeastARound = 1000;
constexpr int kRoundsOfAStore = 50;  // then a new one, so that a long run takes no more memory
// None, rotate DEK and KEK, rewrap by the same CMEK and by another, re-encrypt, shred.
constexpr int kOrders = 7;

// 20, or as many as KEYHOLD_TEST_CRASH_ROUNDS says.
int rounds() {
  const char* const given = std::getenv("KEYHOLD_TEST_CRASH_ROUNDS");
  return given == nullptr ? 20 : static_cast<int>(std::strtol(given, nullptr, 10));
}

// Wide enough for every number of the longest run to sort.
std::string wide_key(int number) {
  return fmt::format("key-{:09}", number);
}

// Two threads that write numbered keys with sync until the disk fails. Each number is used once,
// acknowledged or not.
class Writers {
 public:
  explicit Writers(int first) : next_(first) {}

  void start(rocksdb::DB& db, std::size_t goal) {
    goal_ = goal;
    for (std::thread& thread : threads_) thread = std::thread([&] { write_until_failure(db); });
  }
  // Until the goal is acknowledged, or nothing can be written any more.
  void wait_for_goal() { reached_.acquire(); }
  // REQUIRES: the disk has failed.
  std::vector<int> join() {
    for (std::thread& thread : threads_) thread.join();
    return acknowledged_;
  }
  [[nodiscard]] int next() const { return next_; }

 private:
  void write_until_failure(rocksdb::DB& db) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    for (;;) {
      const int number = next_++;
      const bool written = db.Put(synced, wide_key(number), value_of(number)).ok();
      const std::lock_guard lock(mutex_);
      if (written) acknowledged_.push_back(number);
      if (!written || acknowledged_.size() == goal_) reached_.release();
      if (!written) return;
    }
  }

  std::atomic<int> next_;
  std::size_t goal_ = 0;
  std::counting_semaphore<8> reached_{0};
  std::mutex mutex_;
  std::vector<int> acknowledged_;
  std::array<std::thread, 2> threads_;
};

// How many of these numbers, which rise, have their values.
std::size_t found_of(rocksdb::DB& db, const std::vector<int>& numbers) {
  const std::unique_ptr<rocksdb::Iterator> keys(db.NewIterator({}));
  std::size_t found = 0;
  keys->SeekToFirst();
  for (const int number : numbers) {
    const std::string key = wide_key(number);
    while (keys->Valid() && keys->key().compare(key) < 0) keys->Next();
    if (!keys->Valid()) break;
    if (keys->key() == key && keys->value() == value_of(number)) ++found;
  }
  EXPECT_TRUE(keys->status().ok()) << keys->status().ToString();
  return found;
}

struct Case {
  io::CrashPolicy policy;
  bool recycled;
  bool direct;
};

std::string name_of(const Case& tested) {
  constexpr std::array kPolicies = {"Kill", "PowerLoss", "LoseUnsynced"};
  std::string name = kPolicies.at(static_cast<std::size_t>(tested.policy));
  if (tested.recycled) name += "Recycled";
  if (tested.direct) name += "Direct";
  return name;
}

// GoogleTest's way to print a parameter.
void PrintTo(const Case& tested, std::ostream* out) {
  *out << name_of(tested);
}

class CrashLoop : public ::testing::TestWithParam<Case> {
 public:
  // Every crash makes the LOG of the dead database fail, which is told as a warning.
  CrashLoop() { log::set_level(log::Level::error); }
  ~CrashLoop() override { log::set_level(log::Level::info); }

 protected:
  // Small memtables: each round has flushes, compactions and changes of the log.
  [[nodiscard]] rocksdb::Options options() const {
    rocksdb::Options options = small_options(store_->env.get());
    options.write_buffer_size = std::size_t{64} << 10;
    if (GetParam().recycled) recycle_logs(options);
    options.use_direct_io_for_flush_and_compaction = GetParam().direct;
    options.use_direct_reads = GetParam().direct;
    options.max_bgerror_resume_count = 0;  // a disk that is gone does not come back
    return options;
  }

  // Rotates or rewraps while the writers write. Each order is carried out once; from then on the
  // disk fails in two of three rounds at some change of the key ring, so that the crash falls into
  // the midst of the order.
  void order(int round) {
    if (round >= kOrders && dice_() % 3 > 0) {
      store_->files.set_fault(
          {.at = 1 + dice_() % 12, .path_part = ".keyhold", .lasts = io::Fault::Lasts::stop_world});
    }
    keyring::KeyRing& ring = *store_->ring;
    const kms::KeySpec cmek = ring.contents().lockboxes.back().spec;
    Status done;
    switch (round % kOrders) {
      case 1:
        if (const auto made = ring.rotate_dek()) {
          generation_ = *made;
        } else {
          done = fail(made.error());
        }
        break;
      case 2:
        done = ring.rotate_kek(world_.clients(), world_.deadline());
        break;
      case 3:
        done = ring.rewrap(*world_.client(cmek), world_.deadline());
        break;
      case 4:
        done =
            ring.rewrap_to(*world_.client(world_.cloud.create_key(fmt::format("cmek-{}", round))),
                           world_.deadline());
        break;
      case 5:
        done = reencrypt_all();
        break;
      case 6:
        done = shred_old();
        break;
      default:
        return;
    }
    ++(done ? orders_done_ : orders_cut_);
    if (done) sequence_ = ring.contents().sequence;
  }

  Status reencrypt_all() {
    KEYHOLD_TRY_ASSIGN(const Generation current, store_->ring->current_generation());
    KEYHOLD_TRY_ASSIGN(const auto report, store::reencrypt(store_->volume->store(), current, {}));
    reencrypted_ += report.done.files;
    return {};
  }

  // Files that the engine has open for writing were made in this round, so under the current
  // generation, unless that came with this very round.
  Status shred_old() {
    KEYHOLD_TRY(reencrypt_all());
    KEYHOLD_TRY_ASSIGN(const Generation current, store_->ring->current_generation());
    store::Store& store = store_->volume->store();
    KEYHOLD_TRY_ASSIGN(const auto coverage, store::cover(store, current, store::open_files(store)));
    EXPECT_EQ(coverage.older_than(current).files, 0U);
    if (coverage.older_than(current).files > 0) return {};
    const Status shredded =
        store_->ring->shred_before(current, world_.clients(), world_.deadline());
    if (shredded) ++shredded_;
    return shredded;
  }

  // What was changed and acknowledged is so after the crash too.
  void expect_orders_kept() const {
    EXPECT_GE(number(keyring::must(store_->ring->current_generation())), number(generation_));
    EXPECT_GE(store_->ring->contents().sequence, sequence_);
  }

  void expect_all_found(rocksdb::DB& db) const {
    ASSERT_EQ(found_of(db, acknowledged_), acknowledged_.size());
  }

  void round(int number) {
    const auto db = open_db(options());
    ASSERT_TRUE(db);
    ASSERT_EQ(db->GetDBOptions().recycle_log_file_num, GetParam().recycled ? 4U : 0U);
    expect_orders_kept();
    expect_all_found(*db);
    Writers writers(next_);
    writers.start(*db, kLeastARound + 1 + dice_() % kLeastARound);
    writers.wait_for_goal();
    order(number);
    crashed_ = store_->disk->crash(GetParam().policy, dice_());
    std::vector<int> now = writers.join();
    next_ = writers.next();
    ASSERT_GT(now.size(), kLeastARound);
    least_ = std::min(least_, now.size());
    std::ranges::sort(now);
    acknowledged_.insert(acknowledged_.end(), now.begin(), now.end());
  }

  void finish_store() {
    {
      const auto db = open_db(options());
      ASSERT_TRUE(db);
      expect_orders_kept();
      found_ += found_of(*db, acknowledged_);
    }
    all_acknowledged_ += acknowledged_.size();
    acknowledged_.clear();
    generation_ = Generation{1};
    sequence_ = 1;
  }

  keyring::World world_;
  std::unique_ptr<RingStore> store_ = std::make_unique<RingStore>(world_, disk_with_ring(world_));
  std::unique_ptr<io::MemoryFileSystem> crashed_;
  std::minstd_rand dice_;
  int next_ = 0;
  std::vector<int> acknowledged_;
  std::size_t all_acknowledged_ = 0;
  std::size_t found_ = 0;
  std::size_t least_ = SIZE_MAX;
  int recycled_ = 0;
  int orders_done_ = 0;
  int orders_cut_ = 0;
  std::uint64_t reencrypted_ = 0;
  int shredded_ = 0;
  Generation generation_{1};
  std::uint64_t sequence_ = 1;
};

// Rounds of: open, find all that was ever acknowledged, write with sync, change the keys, crash.
TEST_P(CrashLoop, SyncedWritesAreThere) {
  KEYHOLD_SKIP_UNDER_TSAN();
  const char* const given = std::getenv("KEYHOLD_TEST_CRASH_SEED");
  std::array<std::uint8_t, 4> drawn{};
  crypto::system_random().fill(drawn);
  const auto seed = given == nullptr ? load_le<std::uint32_t>(drawn)
                                     : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  SCOPED_TRACE(fmt::format("KEYHOLD_TEST_CRASH_SEED={}", seed));
  dice_.seed(seed);
  for (int number = 0; number < rounds(); ++number) {
    SCOPED_TRACE(fmt::format("round {}", number));
    ASSERT_NO_FATAL_FAILURE(round(number));
    recycled_ += store_->counter->recycled();
    store_ = std::make_unique<RingStore>(world_, std::move(crashed_));
    if (number % kRoundsOfAStore == kRoundsOfAStore - 1) {
      ASSERT_NO_FATAL_FAILURE(finish_store());
      store_ = std::make_unique<RingStore>(world_, disk_with_ring(world_));
    }
  }
  ASSERT_NO_FATAL_FAILURE(finish_store());
  EXPECT_EQ(found_, all_acknowledged_);
  EXPECT_GE(orders_done_, kOrders - 1);
  EXPECT_GT(reencrypted_, 0U);
  EXPECT_GT(shredded_, 0);
  EXPECT_EQ(recycled_ > 0, GetParam().recycled);
  std::cout << fmt::format(
      "{}, seed {}: {} rounds, {} acknowledged (at least {} a round), {} found; {} logs recycled; "
      "{} changes of the keys done, {} cut short; {} files re-encrypted, {} times shredded\n",
      name_of(GetParam()), seed, rounds(), all_acknowledged_, least_, found_, recycled_,
      orders_done_, orders_cut_, reencrypted_, shredded_);
}

INSTANTIATE_TEST_SUITE_P(Policies, CrashLoop,
                         ::testing::Values(Case{io::CrashPolicy::kill, true, false},
                                           Case{io::CrashPolicy::power_loss, false, false},
                                           Case{io::CrashPolicy::power_loss, true, false},
                                           Case{io::CrashPolicy::power_loss, false, true},
                                           Case{io::CrashPolicy::lose_unsynced, false, false},
                                           Case{io::CrashPolicy::lose_unsynced, true, true}),
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
