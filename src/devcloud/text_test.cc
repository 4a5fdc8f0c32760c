#include "devcloud/text.h"

#include <gtest/gtest.h>

namespace keyhold::devcloud {
namespace {

TEST(DevcloudText, PercentEncodingGoesBothWays) {
  EXPECT_EQ(uri_encode("a b/~é"), "a%20b%2F~%C3%A9");
  EXPECT_EQ(uri_decode("a%20b%2F~%C3%A9"), "a b/~é");
  EXPECT_EQ(uri_decode("100%"), "100%");
  EXPECT_EQ(uri_decode("%zz%4"), "%zz%4");
}

TEST(DevcloudText, FormIsTakenApart) {
  const auto values = form_values("Action=Assume+Role&Empty=&X=1%262&X=again&Bare");
  EXPECT_EQ(values.at("Action"), "Assume Role");
  EXPECT_EQ(values.at("Empty"), "");
  EXPECT_EQ(values.at("X"), "1&2");
  EXPECT_EQ(values.at("Bare"), "");
}

TEST(DevcloudText, XmlIsEscaped) {
  EXPECT_EQ(xml_escape("<a&\"b\">"), "&lt;a&amp;&quot;b&quot;&gt;");
}

}  // namespace
}  // namespace keyhold::devcloud
