// What open() makes of damaged, tampered and stale copies, and of KMSs that do not answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/keyring.h"
#include "keyring/hierarchy.h"
#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

using kms::Fault;
using kms::ScriptedOutcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OpenTest : public testing::Test {
 protected:
  OpenTest() {
    const auto ring = must(world_.create(*disk_));
    must(ring->rotate_dek());
    prints_ = fingerprints(*ring);
    good_ = must(disk_->raw(copy_path('a')));
  }

  void expect_whole(const KeyRing& ring) {
    EXPECT_EQ(fingerprints(ring), prints_);
    EXPECT_EQ(must(disk_->raw(copy_path('a'))), good_);
    EXPECT_EQ(must(disk_->raw(copy_path('b'))), good_);
  }

  void set_both(ByteView file) {
    must(disk_->set_raw(copy_path('a'), file));
    must(disk_->set_raw(copy_path('b'), file));
  }

  // As somebody would who has the disk and no key: the record changed, the checksum made anew.
  ByteVector forged(const std::function<void(format::KeyringRecord&)>& change) const {
    auto parsed = must(format::parse_keyring(good_));
    change(parsed.record);
    return format::finish_keyring(format::serialize_keyring_body(parsed.record), parsed.mac);
  }

  World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
  Fingerprints prints_;
  ByteVector good_;
};

TEST_F(OpenTest, MissingCopyIsMadeAnewAndReported) {
  for (const char copy : {'a', 'b'}) {
    must(disk_->remove(copy_path(copy)));
    const auto ring = must(world_.open(*disk_));
    expect_whole(*ring);
    EXPECT_THAT(ring->health().repaired_copies, ElementsAre(std::string("keyring.") + copy));
    EXPECT_EQ(ring->health().copies[copy == 'a' ? 0 : 1].state, CopyState::missing);
  }
}

TEST_F(OpenTest, WholeCopiesAreLeftAlone) {
  EXPECT_THAT(must(world_.open(*disk_))->health().repaired_copies, IsEmpty());
}

TEST_F(OpenTest, EverySingleBitFlipOfOneCopyIsHealedByTheOther) {
  for (std::uint64_t bit = 0; bit < good_.size() * 8; ++bit) {
    const char copy = bit % 2 == 0 ? 'a' : 'b';
    must(disk_->flip_bit(copy_path(copy), bit));
    const auto ring = must(world_.open(*disk_));
    EXPECT_EQ(ring->health().repaired_copies.size(), 1U) << "bit " << bit;
    expect_whole(*ring);
  }
}

TEST_F(OpenTest, EverySingleBitFlipOfBothCopiesIsAnIntegrityError) {
  for (std::uint64_t bit = 0; bit < good_.size() * 8; ++bit) {
    ByteVector flipped = good_;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    set_both(flipped);
    EXPECT_EQ(code_of(world_.open(*disk_)), Code::integrity) << "bit " << bit;
  }
  EXPECT_THAT(world_.open(*disk_).error().message(), HasSubstr("restore"));
}

TEST_F(OpenTest, EveryTruncationOfBothCopiesIsAnIntegrityError) {
  for (std::size_t size = 0; size < good_.size(); ++size) {
    set_both(ByteView(good_).first(size));
    EXPECT_EQ(code_of(world_.open(*disk_)), Code::integrity) << "size " << size;
  }
}

TEST_F(OpenTest, EveryBitFlipUnderAFixedChecksumIsCaught) {
  for (std::uint64_t bit = 0; bit < (good_.size() - 32) * 8; ++bit) {
    ByteVector body(good_.begin(), good_.end() - 64);
    crypto::Mac mac{};
    copy_bytes(ByteView(good_).subspan(body.size(), mac.size()), mac);
    auto& byte = bit / 8 < body.size() ? body[bit / 8] : mac[bit / 8 - body.size()];
    byte ^= static_cast<std::uint8_t>(1U << (bit % 8));
    set_both(format::finish_keyring(std::move(body), mac));
    const auto ring = world_.open(*disk_);
    ASSERT_FALSE(ring.has_value()) << "bit " << bit;
  }
}

TEST_F(OpenTest, FixedChecksumOverChangedContentIsTampering) {
  set_both(forged([](auto& record) { record.rotation.next_due += 1'000'000'000; }));
  const auto ring = world_.open(*disk_);
  EXPECT_EQ(code_of(ring), Code::integrity);
  EXPECT_THAT(ring.error().message(), HasSubstr("tampered"));
}

TEST_F(OpenTest, ForgedNewerCopyIsNotHealedFromNorOver) {
  const ByteVector newer = forged([](auto& record) { record.sequence += 1; });
  must(disk_->set_raw(copy_path('b'), newer));
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::integrity);
  EXPECT_EQ(must(disk_->raw(copy_path('a'))), good_);
  EXPECT_EQ(must(disk_->raw(copy_path('b'))), newer);
}

TEST_F(OpenTest, OneSequenceWithTwoContentsIsAnIntegrityError) {
  must(disk_->set_raw(copy_path('b'), forged([](auto& record) { record.store_epoch += 1; })));
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::integrity);
}

TEST_F(OpenTest, CopyThatIsBehindIsWrittenAnew) {
  const auto ring = must(world_.open(*disk_));
  must(ring->rotate_dek());
  must(disk_->set_raw(copy_path('a'), good_));
  const auto reopened = must(world_.open(*disk_));
  EXPECT_EQ(reopened->contents().sequence, 3U);
  EXPECT_EQ(reopened->health().copies[0].state, CopyState::behind);
  EXPECT_THAT(reopened->health().repaired_copies, ElementsAre("keyring.a"));
  EXPECT_EQ(must(disk_->raw(copy_path('a'))), must(disk_->raw(copy_path('b'))));
}

TEST_F(OpenTest, CopyOfANewerVersionIsRefusedAndKept) {
  ByteVector newer = good_;
  store_le<std::uint32_t>(MutableByteView(newer).subspan(8), 2);
  ByteVector body(newer.begin(), newer.end() - 64);
  must(disk_->set_raw(copy_path('a'), format::finish_keyring(body, {})));
  const auto ring = world_.open(*disk_);
  EXPECT_EQ(code_of(ring), Code::unsupported);
  EXPECT_THAT(ring.error().message(), HasSubstr("newer Keyhold"));
  EXPECT_EQ(must(disk_->raw(copy_path('b'))), good_);
}

TEST_F(OpenTest, RecordOfALaterVersionIsKeptWhenTheRingIsRewritten) {
  auto record = must(format::parse_keyring(good_)).record;
  record.unknown = {{.type = 998, .value = {1, 2, 3}}, {.type = 999, .value = {4}}};
  const Lockbox lockbox = must(KeyRing::inspect(*disk_, kDirectory)).contents.lockboxes[0];
  const auto unwrapped =
      world_.client(world_.first)->unwrap(lockbox.wrapped, lockbox.context, world_.deadline());
  ASSERT_TRUE(unwrapped.has_value());
  set_both(must(make_keyring_file(record, unwrapped->key)));
  const auto ring = must(world_.open(*disk_));
  must(ring->rotate_dek());
  must(ring->rotate_kek(world_.clients(), world_.deadline()));
  EXPECT_EQ(must(format::parse_keyring(must(disk_->raw(copy_path('b'))))).record.unknown,
            record.unknown);
}

TEST_F(OpenTest, KmsThatGivesAnotherKeyIsAWrongKey) {
  world_.cloud.script(kms::Operation::unwrap,
                      {ScriptedOutcome::bent(ScriptedOutcome::Bend::wrong_key)});
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::wrong_key);
}

TEST_F(OpenTest, LockboxExchangedForThatOfAnotherStoreIsAWrongKey) {
  auto other_disk = empty_disk();
  must(world_.create(*other_disk));
  const auto other = must(format::parse_keyring(must(other_disk->raw(copy_path('a')))));
  set_both(forged([&](auto& record) { record.lockboxes = other.record.lockboxes; }));
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::wrong_key);
}

TEST_F(OpenTest, DenialsOutagesAndBadSpecsAreTold) {
  const auto opened_with = [&](Fault fault) {
    world_.cloud.script_all(ScriptedOutcome::failing(fault));
    return code_of(world_.open(*disk_));
  };
  EXPECT_EQ(opened_with(Fault::denied), Code::denied);
  EXPECT_EQ(opened_with(Fault::disabled), Code::denied);
  EXPECT_EQ(opened_with(Fault::not_found), Code::denied);
  EXPECT_EQ(opened_with(Fault::throttled), Code::unavailable);
  EXPECT_EQ(opened_with(Fault::unavailable), Code::unavailable);
  EXPECT_EQ(opened_with(Fault::malformed), Code::wrong_key);
  EXPECT_EQ(opened_with(Fault::configuration), Code::invalid_argument);
  EXPECT_THAT(world_.open(*disk_).error().message(), HasSubstr(world_.first.uri.str()));
}

TEST_F(OpenTest, NothingIsRewrittenWhileTheKmsDenies) {
  must(disk_->remove(copy_path('b')));
  world_.cloud.disable("first");
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::denied);
  EXPECT_EQ(code_of(disk_->raw(copy_path('b'))), Code::not_found);
}

class TwoLockboxes : public OpenTest {
 protected:
  TwoLockboxes() {
    const auto ring = must(world_.open(*disk_));
    must(ring->add_lockbox(*world_.client(world_.second), world_.deadline()));
  }
  void answers(ScriptedOutcome first, ScriptedOutcome second) {
    world_.cloud.script(kms::Operation::unwrap, {first, second});
  }
  Result<std::unique_ptr<KeyRing>> open_all_denied() {
    return world_.open(*disk_, {.anchor = nullptr, .denial_rule = DenialRule::all_denied});
  }
};

TEST_F(TwoLockboxes, OutageOfOneFailsOverToTheOther) {
  answers(ScriptedOutcome::failing(Fault::unavailable), ScriptedOutcome::ok());
  const auto ring = must(world_.open(*disk_));
  EXPECT_EQ(fingerprints(*ring), prints_);
  EXPECT_EQ(ring->health().lockbox_problems.size(), 1U);
  EXPECT_THAT(ring->health().lockbox_problems[0], HasSubstr(world_.first.uri.str()));
}

TEST_F(TwoLockboxes, SilentKmsLeavesTheOtherItsShareOfTheTime) {
  answers(ScriptedOutcome::slow(std::chrono::hours(1)), ScriptedOutcome::ok());
  EXPECT_TRUE(world_.open(*disk_).has_value());
}

TEST_F(TwoLockboxes, DenialOfEitherCountsThoughTheOtherAnswers) {
  answers(ScriptedOutcome::failing(Fault::disabled), ScriptedOutcome::ok());
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::denied);
  world_.cloud.script(kms::Operation::unwrap, {});
  world_.cloud.disable("second");
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::denied);
}

TEST_F(TwoLockboxes, AllDeniedWaitsForTheLast) {
  answers(ScriptedOutcome::failing(Fault::disabled), ScriptedOutcome::ok());
  EXPECT_TRUE(open_all_denied().has_value());
  answers(ScriptedOutcome::failing(Fault::disabled), ScriptedOutcome::failing(Fault::unavailable));
  EXPECT_EQ(code_of(open_all_denied()), Code::unavailable);
  answers(ScriptedOutcome::failing(Fault::disabled), ScriptedOutcome::failing(Fault::denied));
  EXPECT_EQ(code_of(open_all_denied()), Code::denied);
}

TEST_F(TwoLockboxes, OutageOfAllIsUnavailable) {
  answers(ScriptedOutcome::failing(Fault::unavailable), ScriptedOutcome::failing(Fault::throttled));
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::unavailable);
}

TEST_F(TwoLockboxes, WrongKeyFromOneIsMadeUpForByTheOther) {
  answers(ScriptedOutcome::bent(ScriptedOutcome::Bend::wrong_key), ScriptedOutcome::ok());
  EXPECT_EQ(fingerprints(*must(world_.open(*disk_))), prints_);
}

}  // namespace
}  // namespace keyhold::keyring
