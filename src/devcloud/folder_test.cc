#include "devcloud/folder.h"

#include <gtest/gtest.h>

#include "devcloud/access_log.h"
#include "devcloud/sealer.h"
#include "devcloud/test_machine.h"

namespace keyhold::devcloud {
namespace {

TEST(Folder, DocumentIsWhatWasSavedLast) {
  TestMachine machine;
  const Folder folder = machine.open();
  EXPECT_FALSE(folder.load("state/x.json").value().has_value());
  ASSERT_TRUE(folder.save("state/x.json", "one"));
  ASSERT_TRUE(folder.save("state/x.json", "two"));
  EXPECT_EQ(folder.load("state/x.json").value(), "two");
}

TEST(Folder, OneProcessAtATime) {
  TestMachine machine;
  const Folder folder = machine.open();
  EXPECT_EQ(Folder::open(machine.get(), "/cloud").error().code(), Code::busy);
}

TEST(Folder, SaveThatFailsLeavesTheDocumentOfBefore) {
  TestMachine machine;
  const Folder folder = machine.open();
  ASSERT_TRUE(folder.save("state/x.json", "before"));
  std::uint64_t failures = 0;
  for (std::uint64_t at = 1;; ++at) {
    machine.files_.set_fault({.at = at});
    const Status saved = folder.save("state/x.json", "after");
    const bool fired = machine.files_.fired();
    machine.files_.set_fault({});
    if (!fired) break;
    ++failures;
    const std::string now = folder.load("state/x.json").value().value();
    // The last step makes the new name durable: it is there, and may be lost.
    EXPECT_TRUE(now == "before" || now == "after") << at;
    EXPECT_FALSE(saved) << at;
    ASSERT_TRUE(folder.save("state/x.json", "before"));
  }
  EXPECT_GE(failures, 4U);
}

TEST(Folder, DocumentOutlivesAPowerLoss) {
  TestMachine machine;
  {
    const Folder folder = machine.open();
    ASSERT_TRUE(folder.save("state/x.json", "kept"));
  }
  const auto after = machine.memory_.crash(io::CrashPolicy::lose_unsynced);
  const Machine again{*after, machine.clock_, crypto::system_random()};
  EXPECT_EQ(Folder::open(again, "/cloud").value().load("state/x.json").value(), "kept");
}

TEST(AccessLog, TailGivesTheLastRecordsInTheirOrder) {
  TestMachine machine;
  const Folder folder = machine.open();
  {
    const auto log = AccessLog::open(folder).value();
    EXPECT_TRUE(log->tail(10).value().empty());
    for (const char* record : {"{\"n\":1}", "{\"n\":2}", "{\"n\":3}"}) {
      ASSERT_TRUE(log->append(record));
    }
  }
  const auto again = AccessLog::open(folder).value();
  ASSERT_TRUE(again->append("{\"n\":4}"));
  EXPECT_EQ(again->tail(2).value(), (std::vector<std::string>{"{\"n\":3}", "{\"n\":4}"}));
  EXPECT_EQ(again->tail(10).value().size(), 4U);
}

TEST(Sealer, OpensWhatItSealedAfterARestart) {
  TestMachine machine;
  const Folder folder = machine.open();
  const ByteVector sealed =
      Sealer::open(folder).value().seal("tokens", as_bytes("content")).value();
  const Sealer again = Sealer::open(folder).value();
  EXPECT_EQ(as_text(again.unseal("tokens", sealed).value()), "content");
  EXPECT_EQ(again.derive("secrets", "a"), again.derive("secrets", "a"));
  EXPECT_NE(again.derive("secrets", "a"), again.derive("secrets", "b"));
  EXPECT_NE(again.derive("secrets", "a"), again.derive("others", "a"));
}

TEST(Sealer, AnotherPurposeOrAChangedByteDoesNotOpen) {
  TestMachine machine;
  const Folder folder = machine.open();
  const Sealer sealer = Sealer::open(folder).value();
  const ByteVector sealed = sealer.seal("tokens", as_bytes("content")).value();
  EXPECT_EQ(sealer.unseal("others", sealed).error().code(), Code::integrity);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    ByteVector flipped = sealed;
    flipped[at] ^= 1U;
    EXPECT_EQ(sealer.unseal("tokens", flipped).error().code(), Code::integrity) << at;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(sealer.unseal("tokens", ByteView(sealed).first(size)).error().code(),
              Code::integrity);
  }
}

TEST(Sealer, DamagedMasterKeyIsAnError) {
  TestMachine machine;
  const Folder folder = machine.open();
  ASSERT_TRUE(folder.save("master.key", "short"));
  EXPECT_EQ(Sealer::open(folder).error().code(), Code::integrity);
}

}  // namespace
}  // namespace keyhold::devcloud
