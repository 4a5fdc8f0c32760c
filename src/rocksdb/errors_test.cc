#include "rocksdb/errors.h"

#include <gtest/gtest.h>

namespace keyhold::rocks {
namespace {

rocksdb::IOStatus status_of(Code code) {
  return to_io_status(Error(code, "what happened"));
}

TEST(Errors, MessageReachesTheUser) {
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    const std::string text = status_of(static_cast<Code>(code)).ToString();
    EXPECT_NE(text.find("what happened"), std::string::npos) << text;
  }
}

TEST(Errors, NoErrorBecomesOk) {
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    EXPECT_FALSE(status_of(static_cast<Code>(code)).ok()) << code_name(static_cast<Code>(code));
  }
  EXPECT_TRUE(to_io_status(Status{}).ok());
}

TEST(Errors, SealedIsRetryable) {
  EXPECT_TRUE(status_of(Code::sealed).IsIOError());
  EXPECT_TRUE(status_of(Code::sealed).GetRetryable());
}

TEST(Errors, DamageIsCorruptionAndNotRetryable) {
  for (const Code code : {Code::integrity, Code::wrong_key, Code::rollback}) {
    EXPECT_TRUE(status_of(code).IsCorruption()) << code_name(code);
    EXPECT_FALSE(status_of(code).GetRetryable()) << code_name(code);
  }
}

TEST(Errors, DamageInAReplayedFileIsAnIoErrorSoThatNothingIsCutOff) {
  const auto status = to_replay_status(Error(Code::integrity, "frame 3"));
  EXPECT_TRUE(status.IsIOError());
  EXPECT_FALSE(status.GetRetryable());
  EXPECT_TRUE(to_replay_status(Error(Code::not_found, "gone")).IsPathNotFound());
}

TEST(Errors, SubcodesThatRocksDbLooksAt) {
  EXPECT_TRUE(status_of(Code::not_found).IsPathNotFound());
  EXPECT_TRUE(status_of(Code::no_space).IsNoSpace());
  EXPECT_TRUE(status_of(Code::no_space).GetRetryable());
  EXPECT_TRUE(status_of(Code::unsupported).IsNotSupported());
  EXPECT_TRUE(status_of(Code::invalid_argument).IsInvalidArgument());
}

}  // namespace
}  // namespace keyhold::rocks
