#include "cli/json.h"

#include <gtest/gtest.h>

namespace keyhold::cli {
namespace {

TEST(Json, KeepsTheOrderOfFields) {
  const Json json = Json::object().set("z", 1).set("a", true).set("m", Json());
  EXPECT_EQ(json.dump(true), R"({"z": 1, "a": true, "m": null})");
}

TEST(Json, IndentsByTwo) {
  const Json json =
      Json::object().set("list", Json::array().add("x").add(2)).set("none", Json::array());
  EXPECT_EQ(json.dump(), "{\n  \"list\": [\n    \"x\",\n    2\n  ],\n  \"none\": []\n}");
}

TEST(Json, EscapesTextAndReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(Json("a\"b\n").dump(), R"("a\"b\n")");
  EXPECT_EQ(Json("\xff").dump(), "\"\xEF\xBF\xBD\"");
}

TEST(Json, TimeThatNeverComesIsNull) {
  EXPECT_EQ(Json(WallTime::max()).dump(), "null");
  EXPECT_EQ(Json(WallTime(std::chrono::seconds(0))).dump(), "\"1970-01-01T00:00:00Z\"");
}

}  // namespace
}  // namespace keyhold::cli
