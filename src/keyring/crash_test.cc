// A crash, a power loss or a failing disk at every step of every change: the next run completes it,
// and no DEK that was ever usable is lost.
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/keyring.h"
#include "io/fault_file_system.h"
#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

using io::CrashPolicy;
using io::Fault;

struct Operation {
  std::string name;
  std::function<Status(const World&, KeyRing&)> run;
  std::function<bool(const Contents&)> is_done;
};

std::string uri_of(const Contents& contents, std::size_t lockbox) {
  return contents.lockboxes.at(lockbox).spec.uri.str();
}

// Each on a ring with DEK generations 1 to 3, of which 7 bytes are not counted yet on disk.
const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"rotate_dek",
       [](const World&, KeyRing& ring) -> Status {
         KEYHOLD_TRY(ring.rotate_dek());
         return {};
       },
       [](const Contents& now) { return now.generations.size() >= 4; }},
      {"rotate_kek",
       [](const World& world, KeyRing& ring) {
         return ring.rotate_kek(world.clients(), world.deadline());
       },
       [](const Contents& now) { return now.kek_version >= 2; }},
      {"rewrap",
       [](const World& world, KeyRing& ring) {
         return ring.rewrap(*world.client(world.first), world.deadline());
       },
       [](const Contents& now) { return now.sequence > 3; }},
      {"rewrap_to",
       [](const World& world, KeyRing& ring) {
         return ring.rewrap_to(*world.client(world.second), world.deadline());
       },
       [](const Contents& now) {
         return now.lockboxes.size() == 1 && uri_of(now, 0).ends_with("second");
       }},
      {"pin_policy",
       [](const World&, KeyRing& ring) {
         const auto present = ring.contents().policy;
         const std::uint64_t version = present ? present->version + 1 : 1;
         return ring.pin_policy({.version = version, .digest = {0xd1}});
       },
       [](const Contents& now) {
         return now.policy && now.policy->version >= 1 && now.policy->digest[0] == 0xd1;
       }},
      {"flush", [](const World&, KeyRing& ring) { return ring.flush(); },
       [](const Contents& now) { return now.sequence > 3; }},
  };
  return all;
}

class CrashTest : public testing::Test {
 protected:
  CrashTest() {
    const auto ring = must(world_.create(*base_, anchor_on(*base_)));
    must(ring->rotate_dek());
    must(ring->rotate_dek());
    prints_ = fingerprints(*ring);
  }

  std::unique_ptr<io::MemoryFileSystem> fresh() const {
    return base_->crash_image(CrashPolicy::kill);
  }

  Result<std::unique_ptr<KeyRing>> open(io::FileSystem& files) const {
    return world_.open(files, {.anchor = anchor_on(files)});
  }

  // Every DEK that was usable is there, both copies are whole and equal, and the operation, run
  // again, gets done.
  void expect_recovered(io::MemoryFileSystem& disk, const Fingerprints& usable,
                        const Operation& operation) const {
    const auto ring = must(open(disk));
    expect_same_keys(*ring, usable);
    EXPECT_EQ(must(disk.raw(copy_path('a'))), must(disk.raw(copy_path('b'))));
    EXPECT_EQ(must(disk.list(kDirectory)).size(), 2U) << "a leftover";
    ring->note_sealed_bytes(Generation{1}, 1);
    must(operation.run(world_, *ring));
    EXPECT_TRUE(operation.is_done(ring->contents()));
    const auto again = must(open(disk));
    expect_same_keys(*again, usable);
    EXPECT_TRUE(operation.is_done(again->contents()));
    EXPECT_TRUE(again->health().repaired_copies.empty());
  }

  static void expect_same_keys(const KeyRing& ring, const Fingerprints& usable) {
    const Fingerprints now = fingerprints(ring);
    for (const auto& [generation, print] : usable) {
      const auto found = now.find(generation);
      ASSERT_NE(found, now.end()) << "DEK generation " << generation << " is lost";
      EXPECT_EQ(found->second, print) << "DEK generation " << generation << " is another key";
    }
  }

  World world_;
  std::unique_ptr<io::MemoryFileSystem> base_ = empty_disk();
  Fingerprints prints_;
};

// What a killed change wrote is as durable as it looks before its DEK is used.
TEST_F(CrashTest, BothCopiesThatAnOpenFoundAfterAKillSurviveAPowerLoss) {
  bool fired = true;
  for (std::uint64_t n = 1; fired; ++n) {
    const auto disk = fresh();
    io::FaultFileSystem files(*disk);
    const auto ring = must(open(files));
    files.set_fault({.at = n, .lasts = Fault::Lasts::stop_world});
    static_cast<void>(ring->rotate_dek());
    fired = files.fired();
    const auto killed = disk->crash(CrashPolicy::kill);
    const Fingerprints usable = fingerprints(*must(open(*killed)));
    const auto after = killed->crash(CrashPolicy::lose_unsynced);
    EXPECT_EQ(must(after->raw(copy_path('a'))), must(after->raw(copy_path('b')))) << "step " << n;
    expect_same_keys(*must(open(*after)), usable);
  }
}

struct Interrupted {
  std::unique_ptr<io::MemoryFileSystem> disk;
  Fingerprints usable;  // what the ring would have given to a store at the instant of the crash
  bool fired = false;
};

class EveryStep : public CrashTest {
 protected:
  Interrupted interrupt(const Operation& operation, const Fault& fault) const {
    Interrupted now{.disk = fresh(), .usable = {}};
    io::FaultFileSystem files(*now.disk);
    const auto ring = must(open(files));
    ring->note_sealed_bytes(Generation{1}, 7);
    files.set_fault(fault);
    const auto outcome = operation.run(world_, *ring);
    now.fired = files.fired();
    EXPECT_TRUE(now.fired || outcome.has_value());
    now.usable = fingerprints(*ring);
    EXPECT_TRUE(
        std::includes(now.usable.begin(), now.usable.end(), prints_.begin(), prints_.end()));
    return now;
  }
};

TEST_F(EveryStep, StopOfTheWorldLosesNoKey) {
  for (const Operation& operation : operations()) {
    for (const auto effect :
         {Fault::Effect::nothing, Fault::Effect::prefix, Fault::Effect::everything}) {
      std::uint64_t at = 1;
      for (bool fired = true; fired; ++at) {
        SCOPED_TRACE(operation.name + ", change " + std::to_string(at));
        auto stopped =
            interrupt(operation, {.at = at, .effect = effect, .lasts = Fault::Lasts::stop_world});
        fired = stopped.fired;
        expect_recovered(*stopped.disk, stopped.usable, operation);
      }
      EXPECT_GT(at, 5U) << operation.name << " has fewer steps than two synced copies take";
    }
  }
}

TEST_F(EveryStep, PowerLossLosesNoKey) {
  constexpr std::uint64_t kSeeds = 12;
  for (const Operation& operation : operations()) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(operation.name + ", change " + std::to_string(at) + ", seed " +
                     std::to_string(seed));
        const auto stopped = interrupt(operation, {.at = at, .lasts = Fault::Lasts::stop_world});
        fired = stopped.fired;
        const auto policy = seed == 0 ? CrashPolicy::lose_unsynced : CrashPolicy::power_loss;
        const auto after = stopped.disk->crash(policy, seed);
        expect_recovered(*after, stopped.usable, operation);
      }
    }
  }
}

// The process lives on and tries again.
TEST_F(EveryStep, OneFailingOperationIsMadeUpForInTheSameProcess) {
  for (const Operation& operation : operations()) {
    for (const auto effect : {Fault::Effect::nothing, Fault::Effect::everything}) {
      std::uint64_t at = 1;
      for (bool fired = true; fired; ++at) {
        SCOPED_TRACE(operation.name + ", change " + std::to_string(at));
        const auto disk = fresh();
        io::FaultFileSystem files(*disk);
        const auto ring = must(open(files));
        ring->note_sealed_bytes(Generation{1}, 7);
        files.set_fault({.at = at, .effect = effect, .lasts = Fault::Lasts::once});
        const auto first = operation.run(world_, *ring);
        fired = files.fired();
        EXPECT_NE(first.has_value(), fired);
        files.set_fault({});
        must(operation.run(world_, *ring));
        must(ring->flush());
        EXPECT_TRUE(operation.is_done(ring->contents()));
        EXPECT_FALSE(ring->health().unsettled);
        EXPECT_FALSE(ring->health().anchor_behind);
        expect_recovered(*disk, fingerprints(*ring), operation);
      }
    }
  }
}

// Fails, tries again, and crashes in the second attempt: two contents may have been begun.
TEST_F(EveryStep, CrashInASecondAttemptLosesNoKey) {
  for (const Operation& operation : operations()) {
    for (std::uint64_t first = 1; first < 12; ++first) {
      std::uint64_t at = 1;
      for (bool fired = true; fired; ++at) {
        SCOPED_TRACE(operation.name + ", failure " + std::to_string(first) + ", crash " +
                     std::to_string(at));
        const auto disk = fresh();
        io::FaultFileSystem files(*disk);
        const auto ring = must(open(files));
        ring->note_sealed_bytes(Generation{1}, 7);
        files.set_fault({.at = first, .lasts = Fault::Lasts::once});
        static_cast<void>(operation.run(world_, *ring));
        files.set_fault({.at = at, .lasts = Fault::Lasts::stop_world});
        static_cast<void>(operation.run(world_, *ring));
        fired = files.fired();
        expect_recovered(*disk, fingerprints(*ring), operation);
      }
    }
  }
}

// Reads fail too, open's own included, and open's healing is interrupted.
TEST_F(EveryStep, FaultsInOpenAreMadeUpForByTheNextOpen) {
  const Operation& operation = operations().front();
  const ByteVector old = must(base_->raw(copy_path('b')));
  must(must(open(*base_))->rotate_dek());
  must(base_->set_raw(copy_path('b'), old));
  for (const auto lasts : {Fault::Lasts::once, Fault::Lasts::stop_world}) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      const auto disk = fresh();
      io::FaultFileSystem files(*disk);
      files.set_fault({.at = at, .counts = Fault::Counts::everything, .lasts = lasts});
      const auto ring = world_.open(files);
      fired = files.fired();
      Fingerprints usable = prints_;
      if (ring) usable = fingerprints(**ring);
      files.set_fault({});
      const auto reopened = must(world_.open(*disk));
      expect_same_keys(*reopened, usable);
      must(operation.run(world_, *reopened));
    }
    EXPECT_GT(at, 10U);
  }
}

TEST_F(EveryStep, InterruptedCreateIsCompletedByOpenOrByCreate) {
  constexpr std::uint64_t kSeeds = 12;
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      SCOPED_TRACE("change " + std::to_string(at) + ", seed " + std::to_string(seed));
      const auto disk = empty_disk();
      io::FaultFileSystem files(*disk);
      files.set_fault({.at = at, .lasts = Fault::Lasts::stop_world});
      const bool created = world_.create(files, anchor_on(files)).has_value();
      fired = files.fired();
      const auto after = disk->crash(seed == 0 ? CrashPolicy::kill : CrashPolicy::power_loss, seed);
      auto ring = open(*after);
      if (!ring) {
        EXPECT_FALSE(created);
        EXPECT_EQ(ring.error().code(), Code::not_found) << ring.error().message();
        ring = must(world_.create(*after, anchor_on(*after)));
      }
      expect_recovered(*after, fingerprints(**ring), operations().at(1));
    }
  }
  EXPECT_GT(at, 10U);
}

TEST_F(EveryStep, FullDiskLosesNothing) {
  const auto disk = fresh();
  const auto ring = must(open(*disk));
  disk->set_capacity(1);
  EXPECT_EQ(code_of(ring->rotate_dek()), Code::no_space);
  EXPECT_EQ(must(ring->current_generation()), Generation{3});
  disk->set_capacity(UINT64_MAX);
  EXPECT_EQ(must(ring->rotate_dek()), Generation{4});
  expect_recovered(*disk, fingerprints(*ring), operations().back());
}

// After rewrap_to was interrupted the store opens by what its lockboxes say, and by the new CMEK
// alone once it is done.
TEST_F(EveryStep, InterruptedRewrapToNeedsTheOldCmekOnlyUntilItIsDone) {
  const Operation& operation = operations().at(3);
  ASSERT_EQ(operation.name, "rewrap_to");
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    SCOPED_TRACE("change " + std::to_string(at));
    const auto stopped = interrupt(operation, {.at = at, .lasts = Fault::Lasts::stop_world});
    fired = stopped.fired;
    const bool done = operation.is_done(must(KeyRing::inspect(*stopped.disk, kDirectory)).contents);
    world_.cloud.disable("first");
    EXPECT_EQ(open(*stopped.disk).has_value(), done);
    world_.cloud.enable("first");
    expect_recovered(*stopped.disk, stopped.usable, operation);
    world_.cloud.disable("first");
    EXPECT_TRUE(open(*stopped.disk).has_value());
    world_.cloud.enable("first");
  }
}

}  // namespace
}  // namespace keyhold::keyring
