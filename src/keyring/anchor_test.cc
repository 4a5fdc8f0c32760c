// Rollback: what the anchor notices, and what the operator may accept.
#include "keyring/anchor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/keyring.h"
#include "format/keyring_anchor.h"
#include "io/fault_file_system.h"
#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

using testing::HasSubstr;

class AnchorTest : public testing::Test {
 protected:
  AnchorTest() { must(world_.create(*disk_, anchor_on(*disk_))); }

  Result<std::unique_ptr<KeyRing>> open(bool accept_rollback = false) {
    return world_.open(*disk_, {.anchor = anchor_on(*disk_), .accept_rollback = accept_rollback});
  }
  ByteVector copy() { return must(disk_->raw(copy_path('a'))); }
  void put_back(ByteView file) {
    must(disk_->set_raw(copy_path('a'), file));
    must(disk_->set_raw(copy_path('b'), file));
  }
  format::AnchorRecord anchor() {
    return must(format::parse_anchor(must(disk_->raw(kAnchorPath))));
  }
  void set_anchor(const format::AnchorRecord& record) {
    must(disk_->set_raw(kAnchorPath, format::serialize_anchor(record)));
  }

  World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
};

TEST_F(AnchorTest, HealthSaysWhetherRollbackIsDetected) {
  EXPECT_TRUE(must(open())->health().detects_rollback);
  EXPECT_FALSE(must(world_.open(*disk_))->health().detects_rollback);
}

TEST_F(AnchorTest, FollowsEveryChange) {
  const auto ring = must(open());
  must(ring->rotate_dek());
  EXPECT_EQ(anchor().sequence, 2U);
  must(ring->rotate_kek(world_.clients(), world_.deadline()));
  EXPECT_EQ(anchor().sequence, 3U);
  EXPECT_EQ(anchor().macs[0].kek_version, 2U);
  EXPECT_EQ(anchor().macs[1].kek_version, 0U);
  EXPECT_EQ(anchor().digest, must(format::parse_keyring(copy())).digest);
  EXPECT_TRUE(open().has_value());
}

TEST_F(AnchorTest, OlderKeyRingIsARollback) {
  const ByteVector old = copy();
  must(must(open())->rotate_dek());
  put_back(old);
  const auto ring = open();
  EXPECT_EQ(code_of(ring), Code::rollback);
  EXPECT_THAT(ring.error().message(), HasSubstr("keyhold store accept-rollback"));
  EXPECT_EQ(copy(), old);
}

TEST_F(AnchorTest, OlderKeyRingUnderAnOlderKekIsARollback) {
  const ByteVector old = copy();
  must(must(open())->rotate_kek(world_.clients(), world_.deadline()));
  put_back(old);
  EXPECT_EQ(code_of(open()), Code::rollback);
  EXPECT_TRUE(open(true).has_value());
  EXPECT_TRUE(open().has_value());
}

TEST_F(AnchorTest, OtherHistoryAtTheSameSequenceIsARollback) {
  const ByteVector first = copy();
  must(must(world_.open(*disk_))->rotate_dek());
  const ByteVector fork = copy();
  put_back(first);
  must(must(open())->rotate_dek());
  put_back(fork);
  EXPECT_EQ(code_of(open()), Code::rollback);
}

TEST_F(AnchorTest, AcceptedRollbackIsRecordedAndCannotBeUndoneByTheNewerRing) {
  const ByteVector old = copy();
  {
    const auto ring = must(open());
    must(ring->rotate_dek());
    must(ring->rotate_dek());
  }
  const ByteVector newer = copy();
  put_back(old);
  const auto ring = must(open(true));
  EXPECT_TRUE(ring->health().rollback_accepted);
  const auto contents = ring->contents();
  ASSERT_EQ(contents.accepted_rollbacks.size(), 1U);
  EXPECT_EQ(contents.accepted_rollbacks[0].anchor_sequence, 3U);
  EXPECT_EQ(contents.accepted_rollbacks[0].accepted_sequence, 1U);
  EXPECT_EQ(contents.sequence, 4U);
  EXPECT_TRUE(open().has_value());
  put_back(newer);
  EXPECT_EQ(code_of(open()), Code::rollback);
}

TEST_F(AnchorTest, AcceptWithoutARollbackChangesNothing) {
  const ByteVector before = copy();
  EXPECT_FALSE(must(open(true))->health().rollback_accepted);
  EXPECT_EQ(copy(), before);
}

TEST_F(AnchorTest, EventsAreBounded) {
  for (int i = 0; i < 70; ++i) {
    must(disk_->remove(kAnchorPath));
    must(open(true));
  }
  EXPECT_EQ(must(open())->contents().accepted_rollbacks.size(), format::kMaxRollbackEvents);
}

TEST_F(AnchorTest, MissingAnchorIsARollbackUntilAccepted) {
  must(disk_->remove(kAnchorPath));
  EXPECT_EQ(code_of(open()), Code::rollback);
  must(open(true));
  EXPECT_TRUE(open().has_value());
}

TEST_F(AnchorTest, EverySingleBitFlipOfTheAnchorIsNamedAndAcceptable) {
  const std::size_t bits = must(disk_->raw(kAnchorPath)).size() * 8;
  for (std::uint64_t bit = 0; bit < bits; ++bit) {
    must(disk_->flip_bit(kAnchorPath, bit));
    EXPECT_EQ(code_of(open()), Code::integrity) << "bit " << bit;
    must(disk_->flip_bit(kAnchorPath, bit));
  }
  must(disk_->flip_bit(kAnchorPath, 300));
  must(open(true));
  EXPECT_TRUE(open().has_value());
}

TEST_F(AnchorTest, LoweredAnchorIsCaughtByItsMac) {
  must(must(open())->rotate_dek());
  auto lowered = anchor();
  lowered.sequence = 1;
  set_anchor(lowered);
  EXPECT_EQ(code_of(open()), Code::integrity);
}

TEST_F(AnchorTest, IncrediblyRaisedAnchorDoesNotExhaustTheSequence) {
  auto raised = anchor();
  raised.sequence = UINT64_MAX;
  set_anchor(raised);
  EXPECT_EQ(code_of(open()), Code::integrity);
  EXPECT_EQ(must(open(true))->contents().sequence, 2U);
  EXPECT_TRUE(open().has_value());
}

TEST_F(AnchorTest, AnchorOfAnotherStoreIsRefusedEvenWhenAccepting) {
  auto other = empty_disk();
  must(world_.create(*other, anchor_on(*other)));
  must(disk_->set_raw(kAnchorPath, must(other->raw(kAnchorPath))));
  EXPECT_EQ(code_of(open()), Code::wrong_key);
  EXPECT_EQ(code_of(open(true)), Code::wrong_key);
}

TEST_F(AnchorTest, CreateRefusesTheAnchorOfAnotherStoreAndOtherFiles) {
  const ByteVector before = must(disk_->raw(kAnchorPath));
  must(disk_->remove(copy_path('a')));
  must(disk_->remove(copy_path('b')));
  EXPECT_EQ(code_of(world_.create(*disk_, anchor_on(*disk_))), Code::already_exists);
  EXPECT_EQ(must(disk_->raw(kAnchorPath)), before);
  must(disk_->set_raw(kAnchorPath, as_bytes("a letter")));
  EXPECT_EQ(code_of(world_.create(*disk_, anchor_on(*disk_))), Code::already_exists);
}

TEST_F(AnchorTest, UnraisableAnchorIsToldAndFlushRaisesItLater) {
  io::FaultFileSystem files(*disk_);
  const auto ring = must(world_.open(*disk_, {.anchor = anchor_on(files)}));
  files.set_fault({.at = 1, .lasts = io::Fault::Lasts::from_there_on});
  EXPECT_EQ(code_of(ring->rotate_dek()), Code::io);
  EXPECT_TRUE(ring->health().anchor_behind);
  EXPECT_EQ(must(ring->current_generation()), Generation{2}) << "it is in both copies";
  EXPECT_EQ(code_of(ring->flush()), Code::io);
  files.set_fault({});
  must(ring->flush());
  EXPECT_FALSE(ring->health().anchor_behind);
  EXPECT_EQ(anchor().sequence, 2U);
}

TEST_F(AnchorTest, UnreadableAnchorIsNotAcceptable) {
  io::FaultFileSystem files(*disk_);
  files.set_fault(
      {.at = 1, .counts = io::Fault::Counts::everything, .lasts = io::Fault::Lasts::from_there_on});
  const auto ring = world_.open(*disk_, {.anchor = anchor_on(files), .accept_rollback = true});
  EXPECT_EQ(code_of(ring), Code::io);
}

}  // namespace
}  // namespace keyhold::keyring
