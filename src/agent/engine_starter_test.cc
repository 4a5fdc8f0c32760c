// Orders that meet: a seal during a start, a start during the agent's end.
#include "agent/engine_starter.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "host/test_store.h"

namespace keyhold::agent {
namespace {

using host::eventually;
using std::chrono::milliseconds;
using std::chrono::seconds;

// An engine whose supervisor takes its time.
class EngineStarterTest : public testing::Test {
 public:
  ~EngineStarterTest() override { let_start(); }

 protected:
  EngineWork work() {
    return {.start = [this]() -> Status {
              ++starts_;
              answer_.wait();
              running_ = true;
              return outcome_;
            },
            .kill = [this](Deadline) -> Status {
              ++kills_;
              if (kill_ends_start_) let_start();
              running_ = false;
              return {};
            },
            .may_start =
                [this] {
                  ++asked_;
                  return serves_.load();
                },
            .fail = [this](const Error&) { ++failures_; }};
  }
  void let_start() {
    if (!let_.exchange(true)) promise_.set_value();
  }
  [[nodiscard]] static Deadline within(std::chrono::nanoseconds span) {
    return Deadline::after(system_clock(), span);
  }

  std::promise<void> promise_;
  std::shared_future<void> answer_ = promise_.get_future().share();
  std::atomic<bool> let_ = false;
  std::atomic<bool> serves_ = true;
  std::atomic<bool> kill_ends_start_ = false;
  std::atomic<bool> running_ = false;
  std::atomic<int> asked_ = 0;
  std::atomic<int> starts_ = 0;
  std::atomic<int> kills_ = 0;
  std::atomic<int> failures_ = 0;
  Status outcome_;
};

TEST_F(EngineStarterTest, AFenceDuringAStartKeepsItsDeadlineAndTheEngineEnds) {
  EngineStarter starter(system_clock(), work());
  starter.start_after_unseal();
  ASSERT_TRUE(eventually([&] { return starts_ == 1; }));
  const BootTime before = system_clock().boot_now();
  EXPECT_FALSE(starter.fence(within(milliseconds(50))));
  EXPECT_LT(system_clock().boot_now() - before, seconds(2));
  EXPECT_EQ(kills_, 1);  // ordered all the same
  let_start();
  EXPECT_TRUE(eventually([&] { return kills_ == 2; }));
  starter.stop();
  EXPECT_FALSE(running_);
}

TEST_F(EngineStarterTest, AFenceThatEndsTheStartIsDone) {
  kill_ends_start_ = true;
  outcome_ = fail(Code::unavailable, "it was ended while it started");
  EngineStarter starter(system_clock(), work());
  starter.start_first();
  ASSERT_TRUE(eventually([&] { return starts_ == 1; }));
  EXPECT_TRUE(starter.fence(within(seconds(10))));
  EXPECT_FALSE(running_);
  starter.stop();
  EXPECT_EQ(failures_, 0);
}

TEST_F(EngineStarterTest, TheFirstStartIsLeftToTheUnsealAfterAFence) {
  let_start();
  {
    EngineStarter starter(system_clock(), work());
    EXPECT_TRUE(starter.fence(within(seconds(10))));
    starter.start_first();
    ASSERT_TRUE(eventually([&] { return asked_ == 1; }));
    starter.stop();
    EXPECT_EQ(starts_, 0);
  }
  EngineStarter starter(system_clock(), work());
  EXPECT_TRUE(starter.fence(within(seconds(10))));
  starter.start_after_unseal();
  EXPECT_TRUE(eventually([&] { return running_.load(); }));
}

TEST_F(EngineStarterTest, NothingStartsWhileTheStoreDoesNotServe) {
  let_start();
  serves_ = false;
  EngineStarter starter(system_clock(), work());
  starter.start_first();
  ASSERT_TRUE(eventually([&] { return asked_ == 1; }));
  starter.stop();
  EXPECT_EQ(starts_, 0);
}

TEST_F(EngineStarterTest, AStopWaitsForTheStartUnderWayAndTakesNoOther) {
  EngineStarter starter(system_clock(), work());
  starter.start_first();
  ASSERT_TRUE(eventually([&] { return starts_ == 1; }));
  auto stopping = std::async(std::launch::async, [&] { starter.stop(); });
  EXPECT_EQ(stopping.wait_for(milliseconds(50)), std::future_status::timeout);
  let_start();
  stopping.get();
  EXPECT_TRUE(running_);
  starter.start_first();
  starter.stop();
  EXPECT_EQ(starts_, 1);
}

TEST_F(EngineStarterTest, AStartThatFailsIsTold) {
  let_start();
  outcome_ = fail(Code::not_found, "no such program");
  EngineStarter starter(system_clock(), work());
  starter.start_first();
  EXPECT_TRUE(eventually([&] { return failures_ == 1; }));
}

}  // namespace
}  // namespace keyhold::agent
