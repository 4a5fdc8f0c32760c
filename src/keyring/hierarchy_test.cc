#include "keyring/hierarchy.h"

#include <gmock/gmock.h>

#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

using testing::HasSubstr;

// Nothing of it is the caller's mistake: it waits for room, and says how that is made.
TEST(Hierarchy, AFullKeyRingTakesNoFurtherGeneration) {
  crypto::Random& random = crypto::system_random();
  const crypto::Key256 kek = must(crypto::Key256::generate(random));
  format::KeyringRecord record;
  record.deks.resize(format::kMaxGenerations - 1);
  must(append_dek(record, kek, 0, random));
  ASSERT_EQ(record.deks.size(), format::kMaxGenerations);
  const auto refused = append_dek(record, kek, 0, random);
  ASSERT_EQ(code_of(refused), Code::busy);
  EXPECT_THAT(refused.error().message(), HasSubstr("keyhold store reencrypt"));
  EXPECT_THAT(refused.error().message(), HasSubstr("keyhold store shred"));
  EXPECT_EQ(record.deks.size(), format::kMaxGenerations);
}

}  // namespace
}  // namespace keyhold::keyring
