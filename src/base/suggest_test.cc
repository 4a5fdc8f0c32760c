#include "base/suggest.h"

#include <gtest/gtest.h>

namespace keyhold {
namespace {

TEST(Suggest, NearestOfSeveral) {
  EXPECT_EQ(nearest("staus", {"init", "status", "rotate"}), "status");
  EXPECT_EQ(nearest("kye", {"key", "keep"}), "key");
  EXPECT_EQ(nearest("log.levle", {"log.level", "kms.wait"}), "log.level");
}

TEST(Suggest, NothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("frobnicate", {"init", "status"}), "");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(suggestion("frobnicate", {"init"}), "");
}

}  // namespace
}  // namespace keyhold
