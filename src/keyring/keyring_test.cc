#include "keyring/keyring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

class KeyRingTest : public testing::Test {
 protected:
  // The ring's process ends and another opens it.
  Fingerprints after_reopen() { return fingerprints(*must(world_.open(*disk_))); }

  World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
};

TEST_F(KeyRingTest, CreateMakesOneKekInOneLockboxAndOneDek) {
  const auto ring = must(world_.create(*disk_));
  const Contents contents = ring->contents();
  EXPECT_EQ(contents.identity.org, OrgId("acme"));
  EXPECT_EQ(contents.identity.node, NodeId("n1"));
  EXPECT_EQ(contents.sequence, 1U);
  EXPECT_EQ(contents.kek_version, 1U);
  ASSERT_EQ(contents.lockboxes.size(), 1U);
  EXPECT_EQ(contents.lockboxes[0].spec, world_.first);
  EXPECT_EQ(contents.lockboxes[0].context.purpose, kms::Purpose::serve);
  EXPECT_EQ(contents.lockboxes[0].context.key_id, contents.kek_id);
  ASSERT_EQ(contents.generations.size(), 1U);
  EXPECT_EQ(must(ring->current_generation()), Generation{1});
  EXPECT_FALSE(ring->health().detects_rollback);
}

TEST_F(KeyRingTest, BothCopiesAreEqual) {
  must(world_.create(*disk_));
  EXPECT_EQ(must(disk_->raw(copy_path('a'))), must(disk_->raw(copy_path('b'))));
  EXPECT_EQ(must(disk_->list(kDirectory)).size(), 2U);
}

TEST_F(KeyRingTest, CreateRefusesWhereAKeyRingIs) {
  must(world_.create(*disk_));
  EXPECT_EQ(code_of(world_.create(*disk_)), Code::already_exists);
  must(disk_->remove(copy_path('a')));
  EXPECT_EQ(code_of(world_.create(*disk_)), Code::already_exists);
}

TEST_F(KeyRingTest, CreateRefusesNamesAndPoliciesThatCannotBe) {
  const auto client = world_.client(world_.first);
  const auto create = [&](const Identity& identity, const RotationPolicy& rotation) {
    return code_of(KeyRing::create(world_.on(*disk_), kDirectory, identity, rotation, *client,
                                   world_.deadline()));
  };
  Identity identity = kIdentity;
  identity.org = OrgId("");
  EXPECT_EQ(create(identity, {}), Code::invalid_argument);
  identity.org = OrgId("two\nlines");
  EXPECT_EQ(create(identity, {}), Code::invalid_argument);
  EXPECT_EQ(create(kIdentity, {.age = seconds(-1)}), Code::invalid_argument);
  EXPECT_THAT(must(disk_->list(kDirectory)), IsEmpty());
}

TEST_F(KeyRingTest, CreateRefusesAWrapThatDoesNotComeBack) {
  world_.cloud.script(kms::Operation::wrap,
                      {kms::ScriptedOutcome::bent(kms::ScriptedOutcome::Bend::broken_ciphertext)});
  EXPECT_EQ(code_of(world_.create(*disk_)), Code::wrong_key);
  EXPECT_THAT(must(disk_->list(kDirectory)), IsEmpty());
}

TEST_F(KeyRingTest, OpenGivesTheSameDek) {
  const auto before = fingerprints(*must(world_.create(*disk_)));
  EXPECT_EQ(after_reopen(), before);
}

TEST_F(KeyRingTest, OpenWithoutAKeyRingIsNotFound) {
  const auto ring = world_.open(*disk_);
  EXPECT_EQ(code_of(ring), Code::not_found);
  EXPECT_THAT(ring.error().message(), HasSubstr("store init"));
}

TEST_F(KeyRingTest, DeriveDependsOnGenerationSaltAndInfo) {
  const auto ring = must(world_.create(*disk_));
  must(ring->rotate_dek());
  const auto print = [&](std::uint32_t generation, std::string_view salt, std::string_view info) {
    return must(crypto::check_value(
        must(ring->derive(Generation{generation}, as_bytes(salt), as_bytes(info)))));
  };
  EXPECT_EQ(print(1, "s", "i"), print(1, "s", "i"));
  EXPECT_NE(print(1, "s", "i"), print(2, "s", "i"));
  EXPECT_NE(print(1, "s", "i"), print(1, "t", "i"));
  EXPECT_NE(print(1, "s", "i"), print(1, "s", "j"));
  EXPECT_EQ(code_of(ring->derive(Generation{3}, {}, {})), Code::not_found);
  EXPECT_EQ(code_of(ring->derive(Generation{0}, {}, {})), Code::not_found);
}

TEST_F(KeyRingTest, ExportGivesTheDekThatDeriveUses) {
  const auto ring = must(world_.create(*disk_));
  const crypto::Key256 dek = must(ring->export_dek(Generation{1}, crypto::SecretAccess::grant()));
  const crypto::Key256 derived =
      must(crypto::hkdf_sha256(dek, as_bytes("salt"), as_bytes("fingerprint")));
  EXPECT_EQ(must(crypto::check_value(derived)), fingerprint(*ring, 1));
}

TEST_F(KeyRingTest, RotateDekKeepsTheOldGenerations) {
  const auto ring = must(world_.create(*disk_));
  const auto first = fingerprint(*ring, 1);
  EXPECT_EQ(must(ring->rotate_dek()), Generation{2});
  EXPECT_EQ(must(ring->current_generation()), Generation{2});
  EXPECT_EQ(fingerprint(*ring, 1), first);
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
}

TEST_F(KeyRingTest, RotateDekNeedsNoKms) {
  const auto ring = must(world_.create(*disk_));
  world_.cloud.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
  EXPECT_EQ(must(ring->rotate_dek()), Generation{2});
}

TEST_F(KeyRingTest, RotationByAgeIsDueAcrossReopen) {
  must(world_.create(*disk_));
  world_.clock.advance(hours(24 * 30) - seconds(1));
  EXPECT_FALSE(must(must(world_.open(*disk_))->rotate_if_due()));
  world_.clock.advance(seconds(1));
  const auto ring = must(world_.open(*disk_));
  EXPECT_TRUE(ring->rotation_due(world_.clock.wall_now()));
  EXPECT_TRUE(must(ring->rotate_if_due()));
  EXPECT_FALSE(must(ring->rotate_if_due()));
  EXPECT_EQ(must(ring->current_generation()), Generation{2});
  EXPECT_EQ(ring->contents().next_rotation_due, world_.clock.wall_now() + hours(24 * 30));
}

TEST_F(KeyRingTest, RotationByBytesCountsAcrossReopen) {
  auto ring = must(world_.create(*disk_, nullptr, {.age = seconds(0), .bytes = 1600}));
  EXPECT_EQ(ring->contents().next_rotation_due, WallTime::max());
  ring->note_sealed_bytes(Generation{1}, 99);
  EXPECT_FALSE(must(ring->rotate_if_due()));
  EXPECT_EQ(ring->contents().sequence, 1U) << "less than a sixteenth is not worth a write";
  ring->note_sealed_bytes(Generation{1}, 1);
  EXPECT_FALSE(must(ring->rotate_if_due()));
  EXPECT_EQ(ring->contents().sequence, 2U);

  ring = must(world_.open(*disk_));
  EXPECT_EQ(ring->contents().generations[0].sealed_bytes, 100U);
  ring->note_sealed_bytes(Generation{1}, 1500);
  EXPECT_TRUE(must(ring->rotate_if_due()));
  EXPECT_EQ(must(ring->current_generation()), Generation{2});
  EXPECT_FALSE(ring->rotation_due(world_.clock.wall_now()));
  ring->note_sealed_bytes(Generation{1}, 5000);
  EXPECT_FALSE(ring->rotation_due(world_.clock.wall_now())) << "only the current one counts";
}

TEST_F(KeyRingTest, FlushPersistsTheCountsOnce) {
  const auto ring = must(world_.create(*disk_));
  ring->note_sealed_bytes(Generation{1}, 7);
  must(ring->flush());
  must(ring->flush());
  EXPECT_EQ(ring->contents().sequence, 2U);
  EXPECT_EQ(must(world_.open(*disk_))->contents().generations[0].sealed_bytes, 7U);
}

TEST_F(KeyRingTest, RotateKekReplacesTheKekInOneChange) {
  const auto ring = must(world_.create(*disk_));
  must(ring->rotate_dek());
  const auto before = ring->contents();
  must(ring->rotate_kek(world_.clients(), world_.deadline()));
  const auto after = ring->contents();
  EXPECT_EQ(after.sequence, before.sequence + 1);
  EXPECT_EQ(after.kek_version, 2U);
  EXPECT_EQ(after.kek_id, before.kek_id);
  EXPECT_EQ(after.lockboxes[0].context.version, 2U);
  EXPECT_NE(after.lockboxes[0].wrapped, before.lockboxes[0].wrapped);
  EXPECT_EQ(after.generations[0].kek_version, 2U);
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
  // The successor works on with the new KEK.
  EXPECT_EQ(must(ring->rotate_dek()), Generation{3});
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
}

TEST_F(KeyRingTest, RotateKekNeedsEveryCmek) {
  const auto ring = must(world_.create(*disk_));
  must(ring->add_lockbox(*world_.client(world_.second), world_.deadline()));
  world_.cloud.disable("second");
  EXPECT_EQ(code_of(ring->rotate_kek(world_.clients(), world_.deadline())), Code::denied);
  EXPECT_EQ(ring->contents().kek_version, 1U);
  world_.cloud.enable("second");
  must(ring->rotate_kek(world_.clients(), world_.deadline()));
  EXPECT_EQ(ring->contents().lockboxes.size(), 2U);
}

TEST_F(KeyRingTest, RewrapMovesToTheNewestVersionOfTheCmek) {
  const auto ring = must(world_.create(*disk_));
  const auto client = world_.client(world_.first);
  EXPECT_FALSE(must(ring->rewrap_due(*client, world_.deadline())));
  world_.cloud.rotate("first");
  EXPECT_TRUE(must(ring->rewrap_due(*client, world_.deadline())));
  const auto before = ring->contents().lockboxes[0];
  must(ring->rewrap(*client, world_.deadline()));
  EXPECT_FALSE(must(ring->rewrap_due(*client, world_.deadline())));
  EXPECT_NE(ring->contents().lockboxes[0].kms_key_version, before.kms_key_version);
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
}

TEST_F(KeyRingTest, RewrapByAKeyWithoutLockboxIsNotFound) {
  const auto ring = must(world_.create(*disk_));
  EXPECT_EQ(code_of(ring->rewrap(*world_.client(world_.second), world_.deadline())),
            Code::not_found);
  EXPECT_EQ(code_of(ring->rewrap_due(*world_.client(world_.second), world_.deadline())),
            Code::not_found);
}

TEST_F(KeyRingTest, RewrapToLeavesOnlyTheNewCmek) {
  const auto ring = must(world_.create(*disk_));
  must(ring->rewrap_to(*world_.client(world_.second), world_.deadline()));
  ASSERT_EQ(ring->contents().lockboxes.size(), 1U);
  EXPECT_EQ(ring->contents().lockboxes[0].spec, world_.second);
  world_.cloud.schedule_deletion("first", 7);
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
  world_.cloud.disable("second");
  EXPECT_EQ(code_of(world_.open(*disk_)), Code::denied);
}

TEST_F(KeyRingTest, RewrapToAKeyThatDoesNotUnwrapChangesNothing) {
  const auto ring = must(world_.create(*disk_));
  world_.cloud.script(kms::Operation::unwrap,
                      {kms::ScriptedOutcome::bent(kms::ScriptedOutcome::Bend::wrong_key)});
  EXPECT_EQ(code_of(ring->rewrap_to(*world_.client(world_.second), world_.deadline())),
            Code::wrong_key);
  EXPECT_EQ(ring->contents().sequence, 1U);
}

TEST_F(KeyRingTest, RewrapToStoppedHalfWayIsCompletedByTheNextRun) {
  const auto ring = must(world_.create(*disk_));
  // The wrap and its proof pass; the proof before the removal does not.
  world_.cloud.script(
      kms::Operation::unwrap,
      {kms::ScriptedOutcome::ok(), kms::ScriptedOutcome::failing(kms::Fault::unavailable)});
  EXPECT_EQ(code_of(ring->rewrap_to(*world_.client(world_.second), world_.deadline())),
            Code::unavailable);
  EXPECT_EQ(ring->contents().lockboxes.size(), 2U);
  const auto reopened = must(world_.open(*disk_));
  must(reopened->rewrap_to(*world_.client(world_.second), world_.deadline()));
  ASSERT_EQ(reopened->contents().lockboxes.size(), 1U);
  EXPECT_EQ(reopened->contents().lockboxes[0].spec, world_.second);
}

TEST_F(KeyRingTest, LockboxesComeAndGoButNeverTheLast) {
  const auto ring = must(world_.create(*disk_));
  const auto client = world_.client(world_.second);
  must(ring->add_lockbox(*client, world_.deadline()));
  EXPECT_EQ(code_of(ring->add_lockbox(*client, world_.deadline())), Code::already_exists);
  must(ring->remove_lockbox(world_.first));
  EXPECT_EQ(code_of(ring->remove_lockbox(world_.first)), Code::not_found);
  EXPECT_EQ(code_of(ring->remove_lockbox(world_.second)), Code::invalid_argument);
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
}

TEST_F(KeyRingTest, AtMostEightLockboxes) {
  const auto ring = must(world_.create(*disk_));
  for (int i = 1; i < 8; ++i) {
    const auto spec = world_.cloud.create_key("more-" + std::to_string(i));
    must(ring->add_lockbox(*world_.client(spec), world_.deadline()));
  }
  EXPECT_EQ(code_of(ring->add_lockbox(*world_.client(world_.second), world_.deadline())),
            Code::invalid_argument);
  EXPECT_EQ(after_reopen(), fingerprints(*ring));
}

TEST_F(KeyRingTest, AuditMacIsTheKeksAndSaysWhichOne) {
  const auto ring = must(world_.create(*disk_));
  const auto first = must(ring->audit_mac(as_bytes("line")));
  EXPECT_EQ(first.kek_version, 1U);
  EXPECT_EQ(must(ring->audit_mac(as_bytes("line"))).mac, first.mac);
  EXPECT_NE(must(ring->audit_mac(as_bytes("other"))).mac, first.mac);
  must(ring->rotate_kek(world_.clients(), world_.deadline()));
  const auto second = must(ring->audit_mac(as_bytes("line")));
  EXPECT_EQ(second.kek_version, 2U);
  EXPECT_NE(second.mac, first.mac);
  ring->wipe();
  EXPECT_EQ(code_of(ring->audit_mac(as_bytes("line"))), Code::sealed);
}

TEST_F(KeyRingTest, WipeSealsEverythingThatNeedsAKey) {
  const auto ring = must(world_.create(*disk_));
  ring->note_sealed_bytes(Generation{1}, 1);
  ring->wipe();
  EXPECT_EQ(code_of(ring->current_generation()), Code::sealed);
  EXPECT_EQ(code_of(ring->derive(Generation{1}, {}, {})), Code::sealed);
  EXPECT_EQ(code_of(ring->export_dek(Generation{1}, crypto::SecretAccess::grant())), Code::sealed);
  EXPECT_EQ(code_of(ring->rotate_dek()), Code::sealed);
  EXPECT_EQ(code_of(ring->flush()), Code::sealed);
  EXPECT_EQ(code_of(ring->rewrap(*world_.client(world_.first), world_.deadline())), Code::sealed);
  EXPECT_EQ(code_of(ring->rotate_kek(world_.clients(), world_.deadline())), Code::sealed);
  EXPECT_EQ(ring->contents().sequence, 1U);
  EXPECT_EQ(after_reopen().size(), 1U);
}

TEST_F(KeyRingTest, WipeFreesTheSecretMemory) {
  const std::size_t before = crypto::secret_memory_use().used_bytes;
  const auto ring = must(world_.create(*disk_));
  must(ring->rotate_dek());
  const std::size_t during = crypto::secret_memory_use().used_bytes;
  EXPECT_GE(during, before + 3 * crypto::Key256::kSizeBytes);
  ring->wipe();
  EXPECT_LE(crypto::secret_memory_use().used_bytes, during - 3 * crypto::Key256::kSizeBytes);
}

TEST_F(KeyRingTest, InspectNeedsNoKms) {
  must(world_.create(*disk_));
  world_.cloud.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
  const auto calls = world_.cloud.requests().size();
  const Inspection inspection = must(KeyRing::inspect(*disk_, kDirectory));
  EXPECT_EQ(world_.cloud.requests().size(), calls);
  EXPECT_EQ(inspection.contents.identity.cluster, ClusterId("orders"));
  EXPECT_EQ(inspection.contents.lockboxes.size(), 1U);
  EXPECT_EQ(inspection.copies[0].state, CopyState::good);
  EXPECT_EQ(inspection.copies[1].sequence, 1U);
  EXPECT_EQ(code_of(KeyRing::inspect(*disk_, "/elsewhere")), Code::not_found);
}

TEST_F(KeyRingTest, LockboxContextIsWhatAProbeNeeds) {
  const auto ring = must(world_.create(*disk_));
  const Lockbox lockbox = ring->contents().lockboxes[0];
  const auto client = world_.client(lockbox.spec);
  EXPECT_TRUE(client->probe(lockbox.wrapped, lockbox.context, world_.deadline()).has_value());
}

}  // namespace
}  // namespace keyhold::keyring
