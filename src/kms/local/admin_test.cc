#include "kms/local/admin.h"

#include <chrono>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "kms/local/memory_kms.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::kms::local {
namespace {

class LocalKmsTest : public testing::Test {
 protected:
  LocalKms& admin() { return kms_.admin_; }
  LocalKmsOptions options() { return options_for(kms_.files_, kms_.clock_); }

  MemoryKms kms_;
};

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

TEST(LocalKmsFiles, BelongToTheirOwnerAlone) {
  const ScratchDirectory scratch;
  auto kms = LocalKms::init(scratch / "kms").value();
  ASSERT_TRUE(kms.create_key("orders").has_value());
  EXPECT_EQ(mode_of(scratch / "kms"), 0700U);
  EXPECT_EQ(mode_of(scratch / "kms/keys"), 0700U);
  for (const char* name :
       {"keyhold-kms", "lock", "gate", "access.log", "access.log.lock", "keys/orders"}) {
    EXPECT_EQ(mode_of(scratch / "kms" + "/" + name), 0600U) << name;
  }
}

TEST_F(LocalKmsTest, CreateKeyGivesItsUri) {
  const auto key = admin().create_key("billing");
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->uri.str(), "local:///kms/billing");
  EXPECT_EQ(key->state, LocalKeyState::enabled);
  EXPECT_EQ(key->primary_version, 1U);
  EXPECT_EQ(key->version_count, 1U);
}

TEST_F(LocalKmsTest, NameIsGivenOnceOnlyEvenAfterItsKeyIsDestroyed) {
  EXPECT_EQ(admin().create_key("orders").error().code(), Code::already_exists);
  ASSERT_TRUE(admin().schedule_deletion("orders", 1).has_value());
  kms_.clock_.advance(std::chrono::days(1));
  const auto again = admin().create_key("orders");
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code(), Code::already_exists);
  EXPECT_NE(again.error().message().find("was destroyed on"), std::string::npos);
}

TEST_F(LocalKmsTest, BadNameOrMissingKeyIsRefused) {
  EXPECT_EQ(admin().create_key("../orders").error().code(), Code::invalid_argument);
  EXPECT_EQ(admin().disable(".orders").error().code(), Code::invalid_argument);
  EXPECT_EQ(admin().disable("missing").error().code(), Code::not_found);
}

TEST_F(LocalKmsTest, ChangeThatTheStateDoesNotAllowSaysWhatToDo) {
  ASSERT_TRUE(admin().disable("orders").has_value());
  const auto rotated = admin().rotate("orders");
  ASSERT_FALSE(rotated.has_value());
  EXPECT_EQ(rotated.error().code(), Code::busy);
  EXPECT_EQ(rotated.error().message(), "key orders: it is disabled; enable it first");
  EXPECT_EQ(admin().log(1).value().at(0).outcome, "busy");
}

TEST_F(LocalKmsTest, ChangesAreSeenByAnotherHandleAtOnce) {
  auto other = LocalKms::open(kMemoryKmsPath, options()).value();
  ASSERT_TRUE(admin().rotate("orders").has_value());
  ASSERT_TRUE(other.disable("orders").has_value());
  const auto keys = admin().list().value();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].state, LocalKeyState::disabled);
  EXPECT_EQ(keys[0].primary_version, 2U);
  EXPECT_EQ(keys[0].version_count, 2U);
}

TEST_F(LocalKmsTest, ListShowsEveryKeyTheDamagedAndTheDestroyedToo) {
  ASSERT_TRUE(admin().create_key("billing").has_value());
  ASSERT_TRUE(admin().create_key("gone").has_value());
  ASSERT_TRUE(admin().schedule_deletion("gone", 1).has_value());
  kms_.clock_.advance(std::chrono::days(1));
  ASSERT_TRUE(kms_.memory_.flip_bit("/kms/keys/billing", 100).has_value());
  const auto keys = admin().list().value();
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].name, "billing");
  EXPECT_NE(keys[0].damage.find("checksum"), std::string::npos);
  EXPECT_EQ(keys[1].name, "gone");
  EXPECT_EQ(keys[1].state, LocalKeyState::destroyed);
  EXPECT_EQ(keys[1].version_count, 0U);
  EXPECT_EQ(keys[2].name, "orders");
  EXPECT_TRUE(keys[2].damage.empty());
}

TEST_F(LocalKmsTest, DamagedKeyStopsNoChangeOfAnother) {
  ASSERT_TRUE(admin().create_key("billing").has_value());
  ASSERT_TRUE(kms_.memory_.flip_bit("/kms/keys/billing", 100).has_value());
  EXPECT_TRUE(admin().disable("orders").has_value());
  EXPECT_EQ(admin().disable("billing").error().code(), Code::integrity);
}

TEST_F(LocalKmsTest, InitWantsADirectoryOfItsOwn) {
  EXPECT_EQ(LocalKms::init("/kms", options()).error().code(), Code::already_exists);
  ASSERT_TRUE(kms_.memory_.make_directory("/home", 0700).has_value());
  ASSERT_TRUE(kms_.memory_.make_directory("/home/letters", 0700).has_value());
  const auto occupied = LocalKms::init("/home", options());
  ASSERT_FALSE(occupied.has_value());
  EXPECT_EQ(occupied.error().code(), Code::already_exists);
  EXPECT_NE(occupied.error().message().find("is not empty"), std::string::npos);
  EXPECT_EQ(LocalKms::init("relative", options()).error().code(), Code::invalid_argument);
  EXPECT_EQ(LocalKms::init("/no/parent", options()).error().code(), Code::not_found);
}

TEST_F(LocalKmsTest, OpenOfNoKmsSaysHowToMakeOne) {
  const auto opened = LocalKms::open("/nothing", options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::not_found);
  EXPECT_EQ(opened.error().message(),
            "no LOCAL KMS at /nothing: mount it, or make one with keyhold kms init /nothing");
}

TEST_F(LocalKmsTest, ReplacedFileIsOverwritten) {
  const auto old_file = kms_.memory_.open("/kms/keys/orders", {}).value();
  ASSERT_TRUE(admin().rotate("orders").has_value());
  ByteVector content(144);
  ASSERT_EQ(old_file->read_at(0, content).value(), content.size());
  EXPECT_TRUE(all_zero(content));
}

TEST_F(LocalKmsTest, ReplacedFileWithAnotherNameIsLeftAlone) {
  const auto before = kms_.memory_.raw("/kms/keys/orders").value();
  ASSERT_TRUE(kms_.memory_.link("/kms/keys/orders", "/kms/backup").has_value());
  ASSERT_TRUE(admin().rotate("orders").has_value());
  EXPECT_EQ(kms_.memory_.raw("/kms/backup").value(), before);
}

TEST_F(LocalKmsTest, FileThatACrashLeftIsOverwrittenAndRemovedByTheNextChange) {
  const std::string left_over = "/kms/keys/.orders.tmp-1";
  ASSERT_TRUE(io::replace_file(kms_.memory_, left_over, ByteVector(144, 0x42)).has_value());
  const auto file = kms_.memory_.open(left_over, {}).value();
  ASSERT_TRUE(admin().disable("orders").has_value());
  EXPECT_FALSE(io::exists(kms_.memory_, left_over).value());
  ByteVector content(144, 1);
  ASSERT_EQ(file->read_at(0, content).value(), content.size());
  EXPECT_TRUE(all_zero(content));
}

TEST_F(LocalKmsTest, ChangeThatCannotBeLoggedIsMadeAndSaysSo) {
  kms_.files_.set_fault({.at = 1,
                         .error_number = ENOSPC,
                         .path_part = "access.log",
                         .lasts = io::Fault::Lasts::from_there_on});
  const auto disabled = admin().disable("orders");
  ASSERT_FALSE(disabled.has_value());
  EXPECT_EQ(disabled.error().message().find("the change was made, but not logged"), 0U);
  kms_.files_.set_fault({});
  EXPECT_EQ(kms_.probe().error().fault(), Fault::disabled);
}

TEST_F(LocalKmsTest, LockHeldByAnotherIsBusyInTheEnd) {
  const ScratchDirectory scratch;
  auto kms = LocalKms::init(scratch / "kms", {.lock_wait = std::chrono::milliseconds(20)}).value();
  const auto lock = io::posix_file_system().lock(scratch / "kms/lock", true).value();
  EXPECT_EQ(kms.create_key("orders").error().code(), Code::busy);
}

}  // namespace
}  // namespace keyhold::kms::local
