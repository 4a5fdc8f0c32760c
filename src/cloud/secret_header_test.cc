#include "cloud/secret_header.h"

#include <gtest/gtest.h>

namespace keyhold::cloud {
namespace {

TEST(SecretHeader, IsSentAndThenOverwrittenWhereItStands) {
  net::HttpRequest request;
  add_secret_header(request, "Authorization", "Bearer ", "s3cret");
  ASSERT_EQ(request.headers.size(), 1U);
  EXPECT_EQ(request.headers[0].name, "Authorization");
  EXPECT_EQ(request.headers[0].value, "Bearer s3cret");
  const char* const place = request.headers[0].value.data();
  wipe_headers(request);
  EXPECT_EQ(request.headers[0].value.data(), place);
  EXPECT_EQ(request.headers[0].value, std::string(13, '\0'));
}

}  // namespace
}  // namespace keyhold::cloud
