#include "crypto/test_vectors.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace keyhold::crypto {
namespace {

TEST(TestVectors, FieldThatNobodyReadIsNamed) {
  Vector vector("here", {{"key", "00"}, {"forgotten", "1"}});
  EXPECT_EQ(vector.bytes("key"), ByteVector{0});
  EXPECT_EQ(vector.unread(), std::vector<std::string>{"forgotten"});
}

TEST(TestVectors, UnreadFieldFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(
      check_text_vectors("nist/KDF/rfc-5869-HKDF-SHA256.txt", "COUNT",
                         [](Vector& v) {
                           if (v.number("COUNT") != 1) return v.leave_out();
                           v.pass_over({"Hash", "IKM", "salt", "info", "L", "OKM"});
                         }),
      "nobody read PRK");
}

TEST(TestVectors, MissingFileFailsTheTestAndSaysWhatToRun) {
  EXPECT_NONFATAL_FAILURE(check_text_vectors("no such file", "Count", [](Vector&) {}),
                          "run scripts/vectors");
  EXPECT_NONFATAL_FAILURE(check_wycheproof("no such file", [](Vector&) {}), "run scripts/vectors");
}

TEST(TestVectors, MissingFieldFailsTheTest) {
  Vector vector("here", {});
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(vector.text("key"), ""), "no field key");
}

}  // namespace
}  // namespace keyhold::crypto
