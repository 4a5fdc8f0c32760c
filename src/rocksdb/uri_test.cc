#include "rocksdb/uri.h"

#include <gtest/gtest.h>

namespace keyhold::rocks {
namespace {

TEST(Uri, RootIsTheAbsolutePath) {
  EXPECT_EQ(root_of_uri("keyhold:///srv/store").value(), "/srv/store");
  EXPECT_EQ(root_of_uri("keyhold:///srv/store//").value(), "/srv/store");
}

TEST(Uri, AnythingElseIsRefusedWithTheRightForm) {
  for (const char* uri :
       {"keyhold://", "keyhold://srv/store", "keyhold:/srv/store", "posix:///srv/store", "",
        "keyhold:///srv/../store", "keyhold:///srv/..", "keyhold:///srv/store?cache=1"}) {
    const auto root = root_of_uri(uri);
    ASSERT_FALSE(root) << uri;
    EXPECT_EQ(root.error().code(), Code::invalid_argument) << uri;
    EXPECT_NE(root.error().message().find("keyhold:///absolute/path"), std::string::npos) << uri;
  }
}

}  // namespace
}  // namespace keyhold::rocks
