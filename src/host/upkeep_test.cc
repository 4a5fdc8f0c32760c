#include "host/upkeep.h"

#include <atomic>
#include <future>
#include <vector>

#include "host/test_store.h"

namespace keyhold::host {
namespace {

constexpr std::chrono::nanoseconds kLong = std::chrono::hours(1);

TEST(Upkeep, RunsJobsInTheirOrder) {
  std::vector<int> order;
  std::promise<void> done;
  Upkeep upkeep;
  upkeep.start([] { return kLong; });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(upkeep.post([&order, i] { order.push_back(i); }));
  ASSERT_TRUE(upkeep.post([&] { done.set_value(); }));
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(Upkeep, TakesNoJobBeforeTheStartOrAfterTheStop) {
  Upkeep upkeep;
  EXPECT_FALSE(upkeep.post([] {}));
  upkeep.start([] { return kLong; });
  EXPECT_TRUE(upkeep.post([] {}));
  upkeep.stop();
  EXPECT_FALSE(upkeep.post([] {}));
}

TEST(Upkeep, HasRoomForSoManyJobsOnly) {
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  std::promise<void> begun;
  Upkeep upkeep;
  upkeep.start([] { return kLong; });
  ASSERT_TRUE(upkeep.post([&] {
    begun.set_value();
    opened.wait();
  }));
  begun.get_future().wait();
  for (std::size_t i = 0; i < Upkeep::kMaxJobs; ++i) ASSERT_TRUE(upkeep.post([] {}));
  EXPECT_FALSE(upkeep.post([] {}));
  gate.set_value();
}

TEST(Upkeep, ChoresRunAtTheStartWhenDueAndWhenWoken) {
  std::atomic<int> runs = 0;
  Upkeep upkeep;
  upkeep.start([&] { return ++runs < 3 ? std::chrono::nanoseconds(1) : kLong; });
  EXPECT_TRUE(eventually([&] { return runs == 3; }));
  upkeep.wake();
  EXPECT_TRUE(eventually([&] { return runs == 4; }));
}

TEST(Upkeep, AWakeDuringTheChoresIsNotLost) {
  std::atomic<int> runs = 0;
  Upkeep upkeep;
  upkeep.start([&] {
    if (++runs == 1) upkeep.wake();
    return kLong;
  });
  EXPECT_TRUE(eventually([&] { return runs == 2; }));
}

}  // namespace
}  // namespace keyhold::host
