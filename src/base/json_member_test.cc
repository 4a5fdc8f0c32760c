#include "base/json_member.h"

#include <string>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

std::string found(std::string_view json) {
  const auto span = find_json_string(json, "a");
  return span ? std::string(json.substr(span->begin, span->size)) : "(none)";
}

TEST(JsonMember, IsFoundAtAnyDepth) {
  EXPECT_EQ(found(R"({"a":"x"})"), "x");
  EXPECT_EQ(found(R"({"b":[1,{"a" : "x y"}]})"), "x y");
  EXPECT_EQ(found(R"({"b":"a","a":""})"), "");
  EXPECT_EQ(found(R"({"b":"\"a\":\"no\"","a":"yes"})"), "yes");
  EXPECT_EQ(found(R"({"a":"q\"\\"})"), R"(q\"\\)");
}

TEST(JsonMember, IsNotFoundWhereItIsNotOneString) {
  for (const char* json : {"", "{}", R"({"a":1})", R"({"a":{"a":"x"}})", R"({"a":"x","a":"y"})",
                           R"({"a":"x)", R"({"a":)", R"({"a")", R"(["a"])", R"({"A":"x"})"}) {
    EXPECT_EQ(found(json), "(none)") << json;
  }
}

TEST(JsonMember, IsTakenOutDecodedAndOverwritten) {
  WipedString json(R"({"a":"l1\nl2\u0021\/\\\"","b":1})");
  const auto value = take_json_string(json, "a");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(*value, "l1\nl2!/\\\"");
  EXPECT_EQ(json, R"({"a":"AAAAAAAAAAAAAAAAAA","b":1})");
}

TEST(JsonMember, BadEscapeIsRefusedAndStillOverwritten) {
  for (const char* bad :
       {R"({"a":"s3cret\x"})", R"({"a":"s3cret\u00"})", R"({"a":"s3cret\u20ac"})"}) {
    WipedString json(bad);
    const auto value = take_json_string(json, "a");
    ASSERT_FALSE(value.has_value()) << bad;
    EXPECT_EQ(value.error().message().find("s3cret"), std::string::npos);
    EXPECT_EQ(json.find("s3cret"), WipedString::npos);
  }
}

}  // namespace
}  // namespace keyhold
