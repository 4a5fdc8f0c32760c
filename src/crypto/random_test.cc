#include "crypto/random.h"

#include <set>

#include <gtest/gtest.h>

#include "crypto/test_process_memory.h"

namespace keyhold::crypto {
namespace {

TEST(SystemRandom, FillsEveryByteOfALongBuffer) {
  // Longer than one call of getrandom(2) gives when a signal comes, and than any buffer inside.
  ByteVector bytes(1 << 20);
  system_random().fill(bytes);
  for (std::size_t at = 0; at < bytes.size(); at += 64) {
    ASSERT_FALSE(all_zero(ByteView(bytes).subspan(at, 64))) << at;
  }
}

TEST(SystemRandom, NothingToFillIsNoCall) {
  system_random().fill({});
}

TEST(SystemRandom, IdsNeverRepeat) {
  std::set<FileId> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(random_id<FileId>(system_random()));
  EXPECT_EQ(ids.size(), 10'000U);
}

TEST(SystemRandom, ChildAndParentDiffer) {
  const auto draw = [] { return random_id<FileId>(system_random()).hex(); };
  EXPECT_NE(in_child(draw), draw());
}

}  // namespace
}  // namespace keyhold::crypto
