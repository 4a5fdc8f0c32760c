// Shredding: old DEK generations leave both copies and the disk, at whatever step it is cut short.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/keyring.h"
#include "io/fault_file_system.h"
#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

using io::CrashPolicy;
using io::Fault;
using testing::HasSubstr;

class ShredTest : public testing::Test {
 protected:
  ShredTest() {
    const auto ring = must(world_.create(*disk_, anchor_on(*disk_)));
    must(ring->rotate_dek());
    must(ring->rotate_dek());
    current_ = fingerprint(*ring, 3);
    for (const auto& dek : record('a').deks) old_.push_back(dek);
  }

  format::KeyringRecord record(char copy) {
    return must(format::parse_keyring(must(disk_->raw(copy_path(copy))))).record;
  }

  Status shred(KeyRing& ring) const {
    return ring.shred_before(Generation{3}, world_.clients(), world_.deadline());
  }

  // Whether a file in the key ring's folder holds the wrapped DEK of generation 1 or 2.
  bool old_keys_on(io::MemoryFileSystem& disk) const {
    for (const std::string& name : must(disk.list(kDirectory))) {
      const ByteVector raw = must(disk.raw(kDirectory + "/" + name));
      for (const auto& dek : {old_[0], old_[1]}) {
        if (!std::ranges::search(raw, dek.wrapped).empty()) return true;
      }
    }
    return false;
  }

  void expect_shredded(io::MemoryFileSystem& disk, const KeyRing& ring) const {
    EXPECT_EQ(ring.contents().generations.size(), 1U);
    EXPECT_EQ(fingerprint(ring, 3), current_);
    EXPECT_EQ(code_of(ring.derive(Generation{2}, {}, {})), Code::not_found);
    EXPECT_FALSE(old_keys_on(disk));
    EXPECT_EQ(must(disk.list(kDirectory)).size(), 2U) << "a leftover";
    EXPECT_EQ(must(disk.raw(copy_path('a'))), must(disk.raw(copy_path('b'))));
  }

  Result<std::unique_ptr<KeyRing>> open(io::FileSystem& files) const {
    return world_.open(files, {.anchor = anchor_on(files)});
  }

  World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
  std::vector<format::KeyringDek> old_;
  crypto::CheckValue current_{};
};

TEST_F(ShredTest, TakesOldGenerationsOutOfBothCopiesAndRotatesTheKek) {
  const auto ring = must(open(*disk_));
  must(shred(*ring));
  expect_shredded(*disk_, *ring);
  EXPECT_EQ(ring->contents().kek_version, 2U);
  expect_shredded(*disk_, *must(open(*disk_)));
  EXPECT_EQ(must(ring->rotate_dek()), Generation{4});
}

TEST_F(ShredTest, DeriveSaysWhichGenerationsWereShreddedAndWhichNeverWere) {
  const auto ring = must(open(*disk_));
  must(shred(*ring));
  for (const std::uint32_t gone : {1, 2}) {
    const auto key = ring->derive(Generation{gone}, {}, {});
    ASSERT_EQ(code_of(key), Code::not_found);
    EXPECT_THAT(key.error().message(), HasSubstr("was shredded"));
  }
  EXPECT_THAT(ring->derive(Generation{4}, {}, {}).error().message(), HasSubstr("never made"));
  EXPECT_THAT(ring->derive(Generation{0}, {}, {}).error().message(), HasSubstr("never made"));
}

TEST_F(ShredTest, OverwritesTheFilesThatItReplaces) {
  const auto ring = must(open(*disk_));
  for (const char copy : {'a', 'b'}) {
    must(disk_->link(copy_path(copy), std::string("/elsewhere/old.") + copy));
  }
  must(shred(*ring));
  for (const char* path : {"/elsewhere/old.a", "/elsewhere/old.b"}) {
    EXPECT_TRUE(all_zero(must(disk_->raw(path)))) << path;
  }
}

TEST_F(ShredTest, TheCurrentGenerationIsNeverShredded) {
  const auto ring = must(open(*disk_));
  const auto outcome = ring->shred_before(Generation{4}, world_.clients(), world_.deadline());
  EXPECT_EQ(outcome.error().code(), Code::invalid_argument);
  EXPECT_EQ(ring->contents().generations.size(), 3U);
}

TEST_F(ShredTest, NothingOlderChangesNothing) {
  const auto ring = must(open(*disk_));
  must(ring->shred_before(Generation{1}, world_.clients(), world_.deadline()));
  EXPECT_EQ(ring->contents().sequence, 3U);
  EXPECT_EQ(ring->contents().kek_version, 1U);
}

TEST_F(ShredTest, ADenialChangesNothing) {
  const auto ring = must(open(*disk_));
  world_.cloud.disable("first");
  EXPECT_EQ(shred(*ring).error().code(), Code::denied);
  EXPECT_EQ(ring->contents().generations.size(), 3U);
  world_.cloud.enable("first");
  EXPECT_EQ(must(open(*disk_))->contents().generations.size(), 3U);
}

// What the document says of it: with an unwrap by the CMEK it opens, without one it does not.
TEST_F(ShredTest, AnOldCopyOfTheKeyRingOpensOnlyByAnUnwrapOfTheOldKekVersion) {
  const auto before = disk_->crash_image(CrashPolicy::kill);
  must(shred(*must(open(*disk_))));
  const auto old = must(world_.open(*before));
  EXPECT_EQ(old->contents().generations.size(), 3U);
  EXPECT_EQ(old->contents().lockboxes[0].context.version, 1U);
  world_.cloud.disable("first");
  EXPECT_EQ(code_of(world_.open(*before)), Code::denied);
}

// Whatever step fails: the ring stays usable, and the next open and the next order complete it.
class EveryShredStep : public ShredTest {
 protected:
  void expect_completed(io::MemoryFileSystem& disk) const {
    const auto ring = must(open(disk));
    EXPECT_EQ(fingerprint(*ring, 3), current_);
    if (ring->contents().generations.size() == 1) expect_shredded(disk, *ring);
    must(shred(*ring));
    expect_shredded(disk, *ring);
    expect_shredded(disk, *must(open(disk)));
  }
};

TEST_F(EveryShredStep, StopOfTheWorldIsCompletedByTheNextRun) {
  for (const auto effect :
       {Fault::Effect::nothing, Fault::Effect::prefix, Fault::Effect::everything}) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      SCOPED_TRACE("change " + std::to_string(at));
      const auto disk = disk_->crash_image(CrashPolicy::kill);
      io::FaultFileSystem files(*disk);
      const auto ring = must(open(files));
      files.set_fault({.at = at, .effect = effect, .lasts = Fault::Lasts::stop_world});
      const bool done = shred(*ring).has_value();
      fired = files.fired();
      EXPECT_NE(done, fired);
      expect_completed(*disk->crash(CrashPolicy::kill));
    }
    EXPECT_GT(at, 15U);
  }
}

TEST_F(EveryShredStep, PowerLossIsCompletedByTheNextRun) {
  constexpr std::uint64_t kSeeds = 12;
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      SCOPED_TRACE("change " + std::to_string(at) + ", seed " + std::to_string(seed));
      const auto disk = disk_->crash_image(CrashPolicy::kill);
      io::FaultFileSystem files(*disk);
      const auto ring = must(open(files));
      files.set_fault({.at = at, .lasts = Fault::Lasts::stop_world});
      static_cast<void>(shred(*ring));
      fired = files.fired();
      const auto policy = seed == 0 ? CrashPolicy::lose_unsynced : CrashPolicy::power_loss;
      expect_completed(*disk->crash(policy, seed));
    }
  }
}

TEST_F(EveryShredStep, OneFailureIsMadeUpForByTheNextOrderInTheSameProcess) {
  for (const auto effect : {Fault::Effect::nothing, Fault::Effect::everything}) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      SCOPED_TRACE("change " + std::to_string(at));
      const auto disk = disk_->crash_image(CrashPolicy::kill);
      io::FaultFileSystem files(*disk);
      const auto ring = must(open(files));
      files.set_fault({.at = at, .effect = effect});
      static_cast<void>(shred(*ring));
      fired = files.fired();
      files.set_fault({});
      must(shred(*ring));
      must(ring->flush());
      expect_shredded(*disk, *ring);
      expect_completed(*disk);
    }
  }
}

}  // namespace
}  // namespace keyhold::keyring
