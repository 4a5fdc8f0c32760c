// Crash safety of the customer's changes: every operation on files fails once, in every way, and
// whatever a crash leaves is the state before or the state after.
#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/log.h"
#include "kms/local/memory_kms.h"

namespace keyhold::kms::local {
namespace {

using io::CrashPolicy;
using io::Fault;

// Without the warnings about what could not be overwritten: here that is the rule.
class LocalKmsCrash : public testing::Test {
 protected:
  LocalKmsCrash() { log::set_level(log::Level::error); }
  ~LocalKmsCrash() override { log::set_level(log::Level::info); }
};

struct Change {
  std::string_view name;
  std::function<Status(LocalKms&)> prepare;  // to the state before
  std::function<Status(LocalKms&)> run;
};

template <typename T>
Status status_of(const keyhold::Result<T>& result) {
  if (result) return {};
  return fail(result.error());
}

Status nothing(LocalKms& /*kms*/) {
  return {};
}
Status disable_orders(LocalKms& kms) {
  return status_of(kms.disable("orders"));
}
Status enable_orders(LocalKms& kms) {
  return status_of(kms.enable("orders"));
}
Status rotate_orders(LocalKms& kms) {
  return status_of(kms.rotate("orders"));
}
Status delete_orders(LocalKms& kms) {
  return status_of(kms.schedule_deletion("orders", 7));
}
Status cancel_deletion_of_orders(LocalKms& kms) {
  return status_of(kms.cancel_deletion("orders"));
}
Status create_billing(LocalKms& kms) {
  return status_of(kms.create_key("billing"));
}

const Change kChanges[] = {
    {"create", nothing, create_billing},
    {"disable", nothing, disable_orders},
    {"enable", disable_orders, enable_orders},
    {"rotate", nothing, rotate_orders},
    {"schedule_deletion", nothing, delete_orders},
    {"cancel_deletion", delete_orders, cancel_deletion_of_orders},
};

// All that a change may alter, of every key.
std::string picture(LocalKms& kms) {
  const auto keys = kms.list();
  if (!keys) return "no list: " + keys.error().message();
  std::string text;
  for (const LocalKeyInfo& key : *keys) {
    text += key.name + " " + std::string(state_name(key.state)) + " " +
            std::to_string(key.primary_version) + "/" + std::to_string(key.version_count) +
            key.damage + "; ";
  }
  return text;
}

std::string picture_of(io::FileSystem& files, const Clock& clock) {
  auto kms = LocalKms::open(kMemoryKmsPath, options_for(files, clock));
  return kms ? picture(*kms) : "no KMS: " + kms.error().message();
}

std::size_t leftovers(io::FileSystem& files) {
  const auto names = files.list("/kms/keys").value();
  return static_cast<std::size_t>(std::count_if(
      names.begin(), names.end(), [](const std::string& name) { return name.starts_with('.'); }));
}

// The ciphertext that was there before all of it still unwraps, once its key is enabled.
void expect_old_ciphertext_unwraps(io::FileSystem& files, const MemoryKms& before) {
  auto kms = LocalKms::open(kMemoryKmsPath, options_for(files, before.clock_)).value();
  static_cast<void>(kms.cancel_deletion("orders"));
  ASSERT_TRUE(kms.enable("orders").has_value());
  const auto client = client_for(files, before.clock_, "orders");
  const auto unwrapped = client->unwrap(before.ciphertext_, {}, before.soon());
  EXPECT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
}

struct Outcomes {
  std::string before;
  std::string after;
};

Outcomes outcomes_of(const Change& change) {
  MemoryKms kms;
  EXPECT_TRUE(change.prepare(kms.admin_).has_value());
  Outcomes outcomes{.before = picture(kms.admin_), .after = {}};
  EXPECT_TRUE(change.run(kms.admin_).has_value());
  outcomes.after = picture(kms.admin_);
  return outcomes;
}

Fault fault_at(std::uint64_t n, Fault::Effect effect, Fault::Lasts lasts) {
  return {.at = n,
          .counts = Fault::Counts::everything,
          .path_part = {},
          .effect = effect,
          .lasts = lasts};
}

struct Crash {
  CrashPolicy policy;
  Fault::Effect effect;
};

constexpr Crash kCrashes[] = {
    {CrashPolicy::kill, Fault::Effect::prefix},
    {CrashPolicy::power_loss, Fault::Effect::nothing},
    {CrashPolicy::power_loss, Fault::Effect::prefix},
    {CrashPolicy::power_loss, Fault::Effect::everything},
    {CrashPolicy::lose_unsynced, Fault::Effect::prefix},
};

// One crash in the Nth operation; false where the change needs fewer than N.
bool crash_once(const Change& change, const Outcomes& outcomes, std::uint64_t n,
                const Crash& crash) {
  MemoryKms kms;
  EXPECT_TRUE(change.prepare(kms.admin_).has_value());
  kms.files_.set_fault(fault_at(n, crash.effect, Fault::Lasts::stop_world));
  const bool done = change.run(kms.admin_).has_value();
  const bool fired = kms.files_.fired();
  const auto after_crash = kms.memory_.crash(crash.policy, n);
  const std::string found = picture_of(*after_crash, kms.clock_);
  if (done) {
    EXPECT_EQ(found, outcomes.after);
  } else {
    EXPECT_TRUE(found == outcomes.before || found == outcomes.after) << found;
  }
  EXPECT_EQ(leftovers(*after_crash), 0U);
  expect_old_ciphertext_unwraps(*after_crash, kms);
  return fired;
}

TEST_F(LocalKmsCrash, ChangeIsWholeWhereverItStops) {
  for (const Change& change : kChanges) {
    const Outcomes outcomes = outcomes_of(change);
    ASSERT_NE(outcomes.before, outcomes.after) << change.name;
    for (const Crash& crash : kCrashes) {
      std::uint64_t n = 1;
      bool fired = true;
      for (; fired && !HasFailure(); ++n) {
        SCOPED_TRACE(std::string(change.name) + " stopped at operation " + std::to_string(n) +
                     ", crash " + std::to_string(&crash - kCrashes));
        fired = crash_once(change, outcomes, n, crash);
      }
      EXPECT_GT(n, 10U) << change.name;
    }
  }
}

TEST_F(LocalKmsCrash, FailureThatPassesLeavesAStateThatTheNextTryCompletes) {
  for (const Change& change : kChanges) {
    const Outcomes outcomes = outcomes_of(change);
    bool fired = true;
    for (std::uint64_t n = 1; fired && !HasFailure(); ++n) {
      SCOPED_TRACE(std::string(change.name) + ", operation " + std::to_string(n) + " fails");
      MemoryKms kms;
      ASSERT_TRUE(change.prepare(kms.admin_).has_value());
      kms.files_.set_fault(fault_at(n, Fault::Effect::nothing, Fault::Lasts::once));
      const Status done = change.run(kms.admin_);
      fired = kms.files_.fired();
      kms.files_.set_fault({});
      std::string found = picture(kms.admin_);
      if (done) {
        EXPECT_EQ(found, outcomes.after);
      }
      if (found == outcomes.before) {
        ASSERT_TRUE(change.run(kms.admin_).has_value());
        found = picture(kms.admin_);
      }
      EXPECT_EQ(found, outcomes.after);
      expect_old_ciphertext_unwraps(kms.files_, kms);
    }
  }
}

TEST_F(LocalKmsCrash, InitIsCompletedByTheNextTry) {
  for (const auto policy :
       {CrashPolicy::kill, CrashPolicy::power_loss, CrashPolicy::lose_unsynced}) {
    bool fired = true;
    for (std::uint64_t n = 1; fired && !HasFailure(); ++n) {
      SCOPED_TRACE("init stopped at operation " + std::to_string(n));
      const ManualClock clock;
      io::MemoryFileSystem memory(clock);
      io::FaultFileSystem files(memory);
      files.set_fault(fault_at(n, Fault::Effect::prefix, Fault::Lasts::stop_world));
      const bool done = LocalKms::init(kMemoryKmsPath, options_for(files, clock)).has_value();
      fired = files.fired();
      const auto after_crash = memory.crash(policy, n);
      const auto options = options_for(*after_crash, clock);
      if (done) {
        EXPECT_TRUE(LocalKms::open(kMemoryKmsPath, options).has_value());
      }
      const auto again = LocalKms::init(kMemoryKmsPath, options);
      EXPECT_TRUE(again.has_value() || again.error().code() == Code::already_exists)
          << again.error().message();
      auto kms = LocalKms::open(kMemoryKmsPath, options);
      ASSERT_TRUE(kms.has_value()) << kms.error().message();
      EXPECT_TRUE(kms->create_key("orders").has_value());
    }
  }
}

// A rotation is killed, a host wraps with what it finds, then the power goes.
TEST_F(LocalKmsCrash, WhatWasWrappedAfterAKilledRotationUnwrapsAfterAPowerLoss) {
  bool fired = true;
  for (std::uint64_t n = 1; fired && !HasFailure(); ++n) {
    SCOPED_TRACE("rotation killed at operation " + std::to_string(n));
    MemoryKms kms;
    kms.files_.set_fault(fault_at(n, Fault::Effect::nothing, Fault::Lasts::stop_world));
    static_cast<void>(kms.admin_.rotate("orders"));
    fired = kms.files_.fired();
    const auto killed = kms.memory_.crash(CrashPolicy::kill);
    const auto key = crypto::Key256::generate(crypto::system_random()).value();
    const auto wrapped = client_for(*killed, kms.clock_, "orders")->wrap(key, {}, kms.soon());
    ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
    const auto after = killed->crash(CrashPolicy::lose_unsynced);
    const auto unwrapped =
        client_for(*after, kms.clock_, "orders")->unwrap(wrapped->ciphertext, {}, kms.soon());
    EXPECT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  }
}

// The deletion date has come: whatever stops the wiping, the key never answers again.
TEST_F(LocalKmsCrash, KeyPastItsDateIsNotFoundWhereverItsWipingStops) {
  bool fired = true;
  for (std::uint64_t n = 1; fired && !HasFailure(); ++n) {
    SCOPED_TRACE("stopped at operation " + std::to_string(n));
    MemoryKms kms;
    ASSERT_TRUE(delete_orders(kms.admin_).has_value());
    kms.clock_.advance(std::chrono::days(7));
    kms.files_.set_fault(fault_at(n, Fault::Effect::prefix, Fault::Lasts::stop_world));
    const auto first = kms.probe();
    ASSERT_FALSE(first.has_value());
    fired = kms.files_.fired();
    const auto after_crash = kms.memory_.crash(CrashPolicy::power_loss, n);
    const auto client = client_for(*after_crash, kms.clock_, "orders");
    const auto second = client->probe(kms.ciphertext_, {}, kms.soon());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().fault(), kms::Fault::not_found) << second.error().message();
    const auto info = after_crash->info("/kms/keys/orders").value();
    EXPECT_EQ(info.size_bytes, kKeyFileHeaderSizeBytes + kChecksumSizeBytes);
  }
}

// No request is answered with a key unless its entry is in the log.
TEST_F(LocalKmsCrash, AnsweredRequestIsInTheLogWhateverFails) {
  bool fired = true;
  for (std::uint64_t n = 1; fired && !HasFailure(); ++n) {
    SCOPED_TRACE("operation " + std::to_string(n) + " fails");
    MemoryKms kms;
    kms.files_.set_fault(fault_at(n, Fault::Effect::nothing, Fault::Lasts::once));
    const auto probed = kms.probe();
    fired = kms.files_.fired();
    kms.files_.set_fault({});
    const auto last = kms.admin_.log(1).value().at(0);
    if (probed) {
      EXPECT_EQ(last.request_id, *probed);
      EXPECT_EQ(last.outcome, "ok");
    } else {
      EXPECT_EQ(probed.error().fault(), kms::Fault::unavailable) << probed.error().message();
    }
  }
}

}  // namespace
}  // namespace keyhold::kms::local
