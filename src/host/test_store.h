// A store of a test's own on the machine's file system, its keys in a fake KMS.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/random.h"
#include "host/host.h"
#include "host/initialise.h"
#include "host/layout.h"
#include "io/file_system.h"
#include "kms/fake/fake_kms.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::host {

inline keyring::Identity test_identity() {
  return {.org = OrgId("acme"),
          .cluster = ClusterId("orders"),
          .region = RegionName("eu-1"),
          .node = NodeId("n1")};
}

// Stands still until it is moved, while other threads look at it.
class MovableClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot_now() const override {
    return BootTime(std::chrono::hours(1) + passed_.load());
  }
  [[nodiscard]] WallTime wall_now() const override {
    return WallTime(std::chrono::seconds(1'700'000'000)) +
           std::chrono::duration_cast<WallTime::duration>(passed_.load());
  }
  void advance(std::chrono::nanoseconds by) { passed_ = passed_.load() + by; }

 private:
  std::atomic<std::chrono::nanoseconds> passed_{std::chrono::nanoseconds(0)};
};

// True once `holds` is, within ten seconds; for what another thread or process brings about.
inline bool eventually(const std::function<bool()>& holds) {
  const Deadline deadline = Deadline::after(system_clock(), std::chrono::seconds(10));
  while (!holds()) {
    if (deadline.expired(system_clock())) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // bounded poll
  }
  return true;
}

struct TestStore {
  explicit TestStore(const Clock& machine_clock = system_clock())
      : clock(machine_clock), kms(clock, crypto::system_random(), [](std::chrono::nanoseconds) {}) {
    key = kms.create_key("cmek");
  }

  [[nodiscard]] Environment machine() const {
    return {.files = io::posix_file_system(), .clock = clock, .random = crypto::system_random()};
  }
  [[nodiscard]] ClientFactory clients() const {
    return [this](const kms::KeySpec& spec, const kms::Caller&) { return kms.make_client(spec); };
  }
  [[nodiscard]] StorePlan plan() const {
    return {.identity = test_identity(), .key = key, .rotation = rotation, .anchor_path = anchor};
  }
  [[nodiscard]] HostOptions options() const {
    HostOptions options;
    options.clients = clients();
    options.program = "test";
    options.retry.first_pause = std::chrono::milliseconds(1);
    options.retry.longest_pause = std::chrono::milliseconds(5);
    options.keeps_lease = false;  // tests move the clock by months; lease_test.cc keeps one
    return options;
  }
  void make() {
    const auto made = initialise_store(machine(), path, plan(), clients());
    ASSERT_TRUE(made) << made.error().message();
  }
  [[nodiscard]] Result<std::unique_ptr<Host>> open(HostOptions with) const {
    return Host::open(machine(), path, std::move(with));
  }
  [[nodiscard]] Result<std::unique_ptr<Host>> open() const { return open(options()); }

  const Clock& clock;
  kms::local::ScratchDirectory scratch;
  kms::FakeKms kms;
  kms::KeySpec key;
  std::string path = scratch / "store";
  StoreLayout layout{path};
  keyring::RotationPolicy rotation{};
  std::string anchor{};
};

inline ByteVector key_bytes_of(const Result<crypto::Key256>& key) {
  EXPECT_TRUE(key) << key.error().message();
  if (!key) return {};
  const ByteView bytes = key->bytes(crypto::SecretAccess::grant());
  return {bytes.begin(), bytes.end()};
}

inline ByteVector derived(store::KeySource& keys, Generation generation) {
  EXPECT_TRUE(keys.prepare(generation));
  return key_bytes_of(keys.derive(generation, as_bytes("salt"), as_bytes("test label")));
}

// A lease that tests can wait for.
inline control::LeasePolicy quick_policy() {
  control::LeasePolicy policy;
  policy.probe_interval = std::chrono::milliseconds(20);
  policy.retry_interval = std::chrono::milliseconds(5);
  policy.confirm_after = std::chrono::milliseconds(30);
  policy.success_spacing = std::chrono::milliseconds(10);
  return policy;
}

// What is logged while it lives.
class LogCapture {
 public:
  LogCapture() {
    log::set_sink([this](log::Level, std::string_view message) {
      const std::lock_guard lock(mutex_);
      text_.append(message).append("\n");
    });
  }
  ~LogCapture() { log::set_sink({}); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace keyhold::host
