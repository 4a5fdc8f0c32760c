// Which policy.toml rules, as the key ring pins it.
#include <gtest/gtest.h>

#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

constexpr PolicyPin kFirst{.version = 1, .digest = {1, 2, 3}};
constexpr PolicyPin kSecond{.version = 2, .digest = {4, 5, 6}};

class PolicyPinTest : public testing::Test {
 protected:
  World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
};

TEST_F(PolicyPinTest, ANewStoreHasNone) {
  EXPECT_FALSE(must(world_.create(*disk_))->contents().policy.has_value());
  EXPECT_FALSE(must(world_.open(*disk_))->contents().policy.has_value());
}

TEST_F(PolicyPinTest, StaysOverReopenAndOtherChanges) {
  must(must(world_.create(*disk_))->pin_policy(kFirst));
  const auto ring = must(world_.open(*disk_));
  EXPECT_EQ(ring->contents().policy, kFirst);
  must(ring->rotate_dek());
  must(ring->rotate_kek(world_.clients(), world_.deadline()));
  EXPECT_EQ(ring->contents().policy, kFirst);
  EXPECT_EQ(must(world_.open(*disk_))->contents().policy, kFirst);
  EXPECT_EQ(must(KeyRing::inspect(*disk_, kDirectory)).contents.policy, kFirst);
}

TEST_F(PolicyPinTest, TheVersionOnlyRises) {
  const auto ring = must(world_.create(*disk_));
  EXPECT_EQ(code_of(ring->pin_policy({.version = 0, .digest = {}})), Code::invalid_argument);
  must(ring->pin_policy(kSecond));
  EXPECT_EQ(code_of(ring->pin_policy(kFirst)), Code::invalid_argument);
  EXPECT_EQ(code_of(ring->pin_policy({.version = 2, .digest = {9}})), Code::invalid_argument);
  EXPECT_EQ(ring->contents().policy, kSecond);
}

TEST_F(PolicyPinTest, NeedsTheKeysButNoKms) {
  const auto ring = must(world_.create(*disk_));
  world_.cloud.disable("first");
  must(ring->pin_policy(kFirst));
  ring->wipe();
  EXPECT_EQ(code_of(ring->pin_policy(kSecond)), Code::sealed);
  EXPECT_EQ(ring->contents().policy, kFirst);
}

TEST_F(PolicyPinTest, AnOlderPinPutBackIsARollback) {
  const auto ring = must(world_.create(*disk_, anchor_on(*disk_)));
  must(ring->pin_policy(kFirst));
  const ByteVector older = must(disk_->raw(copy_path('a')));
  must(ring->pin_policy(kSecond));
  for (const char copy : {'a', 'b'}) must(disk_->set_raw(copy_path(copy), older));
  EXPECT_EQ(code_of(world_.open(*disk_, {.anchor = anchor_on(*disk_)})), Code::rollback);
}

}  // namespace
}  // namespace keyhold::keyring
