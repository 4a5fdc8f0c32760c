#include "base/log.h"

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyhold {
namespace {

using log::Level;
using testing::AllOf;
using testing::ElementsAre;
using testing::ExitedWithCode;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

class LogTest : public testing::Test {
 protected:
  LogTest() {
    log::set_sink(
        [this](Level level, std::string_view message) { messages_.emplace_back(level, message); });
  }
  ~LogTest() override {
    log::set_sink({});
    log::set_level(Level::info);
  }

  std::vector<std::pair<Level, std::string>> messages_;
};

TEST_F(LogTest, TheSinkGetsLevelAndMessage) {
  log::info("one");
  log::warning("two {} %s");
  log::error("three");
  EXPECT_THAT(messages_, ElementsAre(Pair(Level::info, "one"), Pair(Level::warning, "two {} %s"),
                                     Pair(Level::error, "three")));
}

TEST_F(LogTest, MessagesBelowTheLevelAreDropped) {
  log::debug("dropped by default");
  log::set_level(Level::error);
  log::warning("dropped");
  log::error("kept");
  log::set_level(Level::debug);
  log::debug("kept too");
  EXPECT_THAT(messages_, ElementsAre(Pair(Level::error, "kept"), Pair(Level::debug, "kept too")));
}

TEST_F(LogTest, ThreadsLoseNothing) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) log::info("line");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(messages_.size(), 400U);
}

// Each runs in a process of its own: the environment is read once, at the first message.
class LogDeathTest : public testing::Test {
 protected:
  LogDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  ~LogDeathTest() override { ::unsetenv("KEYHOLD_LOG"); }

  [[noreturn]] static void say_all() {
    log::debug("message of debug");
    log::info("message of info {}");
    log::warning("message of warning");
    log::error("message of error");
    std::exit(0);
  }
};

TEST_F(LogDeathTest, InfoAndAboveGoToStandardErrorByDefault) {
  EXPECT_EXIT(say_all(), ExitedWithCode(0),
              AllOf(Not(HasSubstr("of debug")), HasSubstr("keyhold info: message of info {}\n"),
                    HasSubstr("keyhold error: message of error\n")));
}

TEST_F(LogDeathTest, TheEnvironmentSetsTheLevel) {
  ::setenv("KEYHOLD_LOG", "error", 1);
  EXPECT_EXIT(say_all(), ExitedWithCode(0),
              AllOf(Not(HasSubstr("of warning")), HasSubstr("message of error")));
  ::setenv("KEYHOLD_LOG", "debug", 1);
  EXPECT_EXIT(say_all(), ExitedWithCode(0), HasSubstr("keyhold debug: message of debug"));
}

}  // namespace
}  // namespace keyhold
