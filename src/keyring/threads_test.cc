// Keys are there while a KMS is slow and while changes are made; a wipe waits for neither.
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "keyring/test_ring.h"

namespace keyhold::keyring {
namespace {

// A KMS whose delays run a function of the test's: what happens while a request is under way.
class SlowKms : public testing::Test {
 protected:
  Deadline deadline() const { return Deadline::after(clock_, std::chrono::hours(1)); }
  ClientFactory clients() {
    return
        [this](const kms::KeySpec& spec, const kms::Caller&) { return cloud_.make_client(spec); };
  }
  std::unique_ptr<KeyRing> create() {
    const auto client = *cloud_.make_client(cmek_);
    return must(KeyRing::create({*disk_, clock_, crypto::system_random()}, kDirectory, kIdentity,
                                {}, *client, deadline()));
  }
  // The next wrap takes a second, in which `meanwhile` runs in a thread of its own.
  void during_next_wrap(std::function<void()> meanwhile) {
    meanwhile_ = std::move(meanwhile);
    cloud_.script(kms::Operation::wrap, {kms::ScriptedOutcome::slow(std::chrono::seconds(1))});
  }

  ManualClock clock_;
  std::function<void()> meanwhile_;
  std::atomic<int> delays_ = 0;
  kms::FakeKms cloud_{clock_, crypto::system_random(), [this](std::chrono::nanoseconds) {
                        ++delays_;
                        std::thread(meanwhile_).join();
                      }};
  kms::KeySpec cmek_ = cloud_.create_key("first");
  std::unique_ptr<io::MemoryFileSystem> disk_ = empty_disk();
};

TEST_F(SlowKms, DeriveDoesNotWaitForARewrap) {
  const auto ring = create();
  const auto before = fingerprints(*ring);
  Fingerprints during;
  during_next_wrap([&] {
    during = fingerprints(*ring);
    ring->note_sealed_bytes(Generation{1}, 1);
  });
  must(ring->rewrap(**cloud_.make_client(cmek_), deadline()));
  EXPECT_EQ(delays_, 1);
  EXPECT_EQ(during, before);
}

TEST_F(SlowKms, WipeDoesNotWaitForAChangeWhichThenEndsSealed) {
  const auto ring = create();
  during_next_wrap([&] {
    ring->wipe();
    EXPECT_EQ(code_of(ring->derive(Generation{1}, {}, {})), Code::sealed);
  });
  const auto before = must(disk_->raw(copy_path('a')));
  EXPECT_EQ(code_of(ring->rotate_kek(clients(), deadline())), Code::sealed);
  EXPECT_TRUE(ring->drain(deadline()));
  EXPECT_EQ(must(disk_->raw(copy_path('a'))), before);
}

TEST_F(SlowKms, WipeDuringTheChangeLeavesNoKeyBehind) {
  const std::size_t before = crypto::secret_memory_use().used_bytes;
  {
    const auto ring = create();
    const std::size_t cloud_only =
        crypto::secret_memory_use().used_bytes - 2 * crypto::Key256::kSizeBytes;
    during_next_wrap([&] { ring->wipe(); });
    EXPECT_EQ(code_of(ring->rewrap(**cloud_.make_client(cmek_), deadline())), Code::sealed);
    EXPECT_LE(crypto::secret_memory_use().used_bytes, cloud_only);
  }
  EXPECT_EQ(crypto::secret_memory_use().used_bytes, before);
}

TEST(Threads, DerivesGoOnThroughRotationsAndAWipe) {
  const World world;
  const auto disk = empty_disk();
  const auto ring = must(world.create(*disk));
  const auto first = fingerprint(*ring, 1);
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> derived = 0;
  const auto derive = [&] {
    while (!stop) {
      const auto generation = ring->current_generation();
      if (!generation) break;
      ring->note_sealed_bytes(*generation, 1);
      const auto key = ring->derive(Generation{1}, as_bytes("salt"), as_bytes("fingerprint"));
      if (!key) break;
      EXPECT_EQ(must(crypto::check_value(*key)), first);
      ++derived;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(derive);
  for (int i = 0; i < 10; ++i) {
    must(ring->rotate_dek());
    must(ring->rotate_kek(world.clients(), world.deadline()));
  }
  while (derived < 100) std::this_thread::yield();
  ring->wipe();
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GE(derived, 100U);
  EXPECT_EQ(code_of(ring->derive(Generation{1}, {}, {})), Code::sealed);
  EXPECT_EQ(must(world.open(*disk))->contents().generations.size(), 11U);
}

}  // namespace
}  // namespace keyhold::keyring
