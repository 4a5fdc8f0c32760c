// The seam of a seal: nothing is read or written after it, keys are wiped, and handles go on after
// the unseal.
#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "store/test_store.h"

namespace keyhold::store {
namespace {

class Seal : public StoreTest {
 protected:
  static constexpr std::array kLayouts = {Layout::table, Layout::log};
};

TEST_F(Seal, OpenHandlesRefuseAndServeAgain) {
  for (const Layout layout : kLayouts) {
    write_file("/store/f", layout, test_bytes(20000));
    const auto random = *store_->open_random("/store/f");
    const auto sequential = *store_->open_sequential("/store/f");
    ByteVector out(20000);
    ASSERT_EQ(*sequential->read(std::span(out).first(10)), 10U);
    ASSERT_EQ(*random->read(0, out), 20000U);
    keys_.guard().seal();
    EXPECT_EQ(random->read(0, out).error().code(), Code::sealed);
    EXPECT_EQ(random->read(20000, out).error().code(), Code::sealed);
    EXPECT_EQ(random->read(30000, out).error().code(), Code::sealed);
    EXPECT_EQ(sequential->read(out).error().code(), Code::sealed);
    EXPECT_EQ(store_->open_random("/store/f").error().code(), Code::sealed);
    EXPECT_EQ(store_->create("/store/g", layout).error().code(), Code::sealed);
    keys_.guard().unseal();
    EXPECT_EQ(*random->read(0, out), 20000U);
    EXPECT_EQ(out, test_bytes(20000));
    ASSERT_TRUE(sequential->read(out));
  }
}

TEST_F(Seal, ALogBeingWrittenGoesOnAfterTheUnseal) {
  const auto file = *store_->create("/store/f", Layout::log);
  ASSERT_TRUE(file->append(test_bytes(5000, 1)));
  keys_.guard().seal();
  EXPECT_EQ(file->append(test_bytes(5000, 2)).error().code(), Code::sealed);
  EXPECT_EQ(file->sync(false).error().code(), Code::sealed);
  keys_.guard().unseal();
  ASSERT_TRUE(file->append(test_bytes(5000, 3)));
  ASSERT_TRUE(file->sync(false));
  ByteVector content = test_bytes(5000, 1);
  const ByteVector more = test_bytes(5000, 3);
  content.insert(content.end(), more.begin(), more.end());
  EXPECT_EQ(*read_back("/store/f"), content);
}

TEST_F(Seal, ATableWhoseTailWasWipedFailsForGood) {
  const auto file = *store_->create("/store/f", Layout::table);
  ASSERT_TRUE(file->append(test_bytes(5000)));
  keys_.guard().seal();
  keys_.guard().unseal();
  EXPECT_EQ(file->append(test_bytes(1)).error().code(), Code::sealed);
  EXPECT_EQ(file->sync(true).error().code(), Code::sealed);
  EXPECT_EQ(file->close().error().code(), Code::sealed);
}

TEST_F(Seal, AFinishedTableIsSyncedAfterTheUnseal) {
  const auto file = *store_->create("/store/f", Layout::table);
  ASSERT_TRUE(file->append(test_bytes(5000)));
  ASSERT_TRUE(file->sync(true));
  keys_.guard().seal();
  EXPECT_EQ(file->sync(true).error().code(), Code::sealed);
  keys_.guard().unseal();
  EXPECT_TRUE(file->sync(true));
  EXPECT_TRUE(file->close());
}

int status_of_child(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// Readers that the parent opened, and had used: the child has neither keys nor the right to them,
// whatever becomes of the parent. At the end of a file too, where nothing is decrypted.
TEST_F(Seal, AForkedChildReadsNothing) {
  for (const Layout layout : kLayouts) {
    write_file("/store/f", layout, test_bytes(20000));
    const auto random = *store_->open_random("/store/f");
    const auto sequential = *store_->open_sequential("/store/f");
    ByteVector out(20000);
    ASSERT_EQ(*sequential->read(std::span(out).first(10)), 10U);
    ASSERT_EQ(*random->read(0, out), 20000U);
    const auto refused = [](const auto& result) {
      return !result && result.error().code() == Code::sealed;
    };
    EXPECT_EQ(status_of_child([&] {
                return refused(random->read(0, out)) && refused(random->read(20000, out)) &&
                       refused(sequential->read(out)) && refused(store_->open_random("/store/f")) &&
                       refused(keys_.guard().confirm(1));
              }),
              0);
    EXPECT_EQ(*random->read(0, out), 20000U);
  }
}

// While a thread of the parent that is not in the child uses a key, and another waits to seal.
TEST_F(Seal, AForkedChildWaitsForNoLockOfItsParents) {
  std::optional<SealGuard::Use> use(std::in_place, keys_.guard());
  std::thread sealing([&] { keys_.guard().seal(); });
  EXPECT_EQ(status_of_child([&] {
              SealGuard& guard = keys_.guard();
              guard.seal();
              guard.unseal();
              return !SealGuard::Use(guard).check();
            }),
            0);
  use.reset();
  sealing.join();
}

TEST_F(Seal, AGuardMadeInAForkedChildIsItsOwn) {
  EXPECT_EQ(status_of_child([] {
              TestKeySource own;
              return SealGuard::Use(own.guard()).check().has_value();
            }),
            0);
}

// However late the thread is that renews the right: a suspended machine, a stopped process.
TEST_F(Seal, NothingIsServedOnceTheRightHasRunOut) {
  ManualClock clock;
  write_file("/store/f", Layout::table, test_bytes(20000));
  const auto file = *store_->open_random("/store/f");
  const auto log = *store_->create("/store/l", Layout::log);
  ByteVector out(100);
  keys_.guard().lend_until(clock, clock.boot_now() + std::chrono::seconds(6));
  clock.advance(std::chrono::seconds(5));
  ASSERT_TRUE(file->read(0, out));
  ASSERT_TRUE(log->append(out));
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(file->read(0, out).error().code(), Code::sealed);
  EXPECT_EQ(log->append(out).error().code(), Code::sealed);
  keys_.guard().lend_until(clock, clock.boot_now() + std::chrono::seconds(6));
  EXPECT_TRUE(file->read(0, out));
  EXPECT_TRUE(log->append(out));
  EXPECT_TRUE(log->sync(false));
}

// A seal answers the engine's I/O while it fences it; not that of a process which stood still
// beyond its right.
TEST_F(Seal, OnlyARightThatIsNotOverIsLentLonger) {
  ManualClock clock;
  write_file("/store/f", Layout::table, test_bytes(100));
  const auto file = *store_->open_random("/store/f");
  ByteVector out(100);
  store::SealGuard& guard = keys_.guard();
  guard.lend_until(clock, clock.boot_now() + std::chrono::seconds(6));
  clock.advance(std::chrono::milliseconds(5999));
  guard.lend_for(clock, std::chrono::seconds(2));
  clock.advance(std::chrono::milliseconds(1999));
  EXPECT_TRUE(file->read(0, out));
  clock.advance(std::chrono::milliseconds(1));
  guard.lend_for(clock, std::chrono::seconds(2));
  EXPECT_EQ(file->read(0, out).error().code(), Code::sealed);
}

TEST_F(Seal, MayComeWhileHandlesAreMade) {
  write_file("/store/t", Layout::table, test_bytes(5000));
  std::atomic<bool> stop = false;
  std::thread sealing([&] {
    while (!stop) {
      keys_.guard().seal();
      keys_.guard().unseal();
    }
  });
  for (int i = 0; i < 300; ++i) {
    static_cast<void>(store_->open_random("/store/t"));
    static_cast<void>(store_->create("/store/new", i % 2 == 0 ? Layout::log : Layout::table));
    static_cast<void>(store_->reopen("/store/t"));
  }
  stop = true;
  sealing.join();
}

// Readers and writers at full speed while seals come and go: no success is reported across a seal
// with wrong bytes, nothing deadlocks. The files are opened before the first seal: an open that
// meets one is refused, which MayComeWhileHandlesAreMade shows.
TEST_F(Seal, ComesBetweenAnyTwoOperations) {
  write_file("/store/t", Layout::table, test_bytes(50000));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> served = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, file = *store_->open_random("/store/t")] {
      while (!stop) {
        ByteVector out(50000);
        const auto count = file->read(0, out);
        if (!count) {
          ASSERT_EQ(count.error().code(), Code::sealed);
          continue;
        }
        ASSERT_EQ(out, test_bytes(50000));
        ++served;
      }
    });
  }
  threads.emplace_back([&, file = *store_->create("/store/l", Layout::log)] {
    while (!stop) {
      const Status status = file->append(test_bytes(3000));
      ASSERT_TRUE(status || status.error().code() == Code::sealed);
    }
  });
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t before = served;
    while (served < before + 2) std::this_thread::yield();
    keys_.guard().seal();
    keys_.guard().unseal();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(served, 400U);
}

}  // namespace
}  // namespace keyhold::store
