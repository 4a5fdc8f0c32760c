#include "kms/wrap_context.h"

#include <gtest/gtest.h>

namespace keyhold::kms {
namespace {

WrapContext sample() {
  WrapContext context;
  context.org = OrgId("acme");
  context.cluster = ClusterId("orders \"eu\"\n");
  context.region = RegionName("Z\xc3\xbcrich");
  context.purpose = Purpose::restore;
  context.key_id = KeyId(ByteVector(16, 0xab));
  context.version = 4294967295U;
  return context;
}

TEST(WrapContext, PairsAreTheDocumentedOnes) {
  const auto pairs = to_pairs(sample());
  EXPECT_EQ(pairs.size(), 7U);
  EXPECT_EQ(pairs.at("product"), "keyhold");
  EXPECT_EQ(pairs.at("purpose"), "restore");
  EXPECT_EQ(pairs.at("version"), "4294967295");
}

TEST(WrapContext, CanonicalJsonIsByteExact) {
  EXPECT_EQ(to_canonical_json(sample()),
            "{\"cluster\":\"orders \\\"eu\\\"\\n\",\"key_id\":\"abababababababababababababababab\","
            "\"org\":\"acme\",\"product\":\"keyhold\",\"purpose\":\"restore\","
            "\"region\":\"Z\xc3\xbcrich\",\"version\":\"4294967295\"}");
}

TEST(WrapContext, PurposesKeepTheirNumbersAndNames) {
  EXPECT_EQ(static_cast<int>(Purpose::serve), 1);
  EXPECT_EQ(static_cast<int>(Purpose::restore), 2);
  EXPECT_EQ(purpose_name(Purpose::serve), "serve");
  EXPECT_EQ(purpose_name(Purpose::restore), "restore");
}

TEST(WrapContext, LargestOneIsTakenAndOneByteMoreIsNot) {
  WrapContext context = sample();
  context.cluster = ClusterId();
  const std::size_t rest = to_canonical_json(context).size();
  context.cluster = ClusterId(std::string(kMaxContextSizeBytes - rest, 'c'));
  EXPECT_TRUE(check_context(context).has_value());
  context.cluster = ClusterId(std::string(kMaxContextSizeBytes - rest + 1, 'c'));
  EXPECT_EQ(check_context(context).error().code(), Code::invalid_argument);
}

TEST(WrapContext, NameThatIsNotUtf8IsRefused) {
  for (int field = 0; field < 3; ++field) {
    WrapContext context = sample();
    if (field == 0) context.org = OrgId("\xff");
    if (field == 1) context.cluster = ClusterId("\xc3");
    if (field == 2) context.region = RegionName("\xed\xa0\x80");
    EXPECT_EQ(check_context(context).error().code(), Code::invalid_argument) << field;
  }
}

}  // namespace
}  // namespace keyhold::kms
