// What fetch_keys() gives back after a wipe, and what it refuses.
#include <gtest/gtest.h>

#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

class FetchTest : public testing::Test {
 protected:
  Status fetch() {
    return ring_->fetch_keys(world_.clients(), world_.deadline(), DenialRule::any_denied);
  }

  World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
  std::unique_ptr<KeyRing> ring_ = must(world_.create(*disk_));
};

TEST_F(FetchTest, GivesEveryKeyBack) {
  must(ring_->rotate_dek());
  const Fingerprints before = fingerprints(*ring_);
  ring_->wipe();
  ASSERT_EQ(code_of(ring_->current_generation()), Code::sealed);
  must(fetch());
  EXPECT_EQ(fingerprints(*ring_), before);
  EXPECT_EQ(number(must(ring_->rotate_dek())), 3U);
}

TEST_F(FetchTest, ADenialLeavesItWiped) {
  ring_->wipe();
  world_.cloud.disable("first");
  EXPECT_EQ(fetch().error().code(), Code::denied);
  EXPECT_EQ(code_of(ring_->current_generation()), Code::sealed);
  world_.cloud.enable("first");
  must(fetch());
  EXPECT_TRUE(ring_->current_generation().has_value());
}

TEST_F(FetchTest, RefusesAnOlderKeyRingThatWasPutInPlace) {
  const ByteVector older = must(disk_->raw(copy_path('a')));
  must(ring_->rotate_dek());
  ring_->wipe();
  for (const char copy : {'a', 'b'}) must(disk_->set_raw(copy_path(copy), older));
  EXPECT_EQ(fetch().error().code(), Code::rollback);
  EXPECT_EQ(code_of(ring_->current_generation()), Code::sealed);
}

TEST_F(FetchTest, HealsADamagedCopy) {
  ring_->wipe();
  must(disk_->flip_bit(copy_path('b'), 99));
  must(fetch());
  EXPECT_EQ(must(disk_->raw(copy_path('a'))), must(disk_->raw(copy_path('b'))));
}

// The clients' factory runs between the first look at the copies and the last step.
TEST_F(FetchTest, AWipeMeanwhileWins) {
  ring_->wipe();
  const ClientFactory wiping = [this](const kms::KeySpec& spec, const kms::Caller&) {
    ring_->wipe();
    return world_.cloud.make_client(spec);
  };
  const Status fetched = ring_->fetch_keys(wiping, world_.deadline(), DenialRule::any_denied);
  EXPECT_EQ(fetched.error().code(), Code::sealed);
  EXPECT_EQ(code_of(ring_->current_generation()), Code::sealed);
}

}  // namespace
}  // namespace keyhold::keyring
