#include "host/policy_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/fault_file_system.h"
#include "keyring/test_ring.h"

namespace keyhold::host {
namespace {

using io::CrashPolicy;
using io::Fault;
using keyring::anchor_on;
using keyring::code_of;
using keyring::kDirectory;
using keyring::KeyRing;
using keyring::must;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

const std::string kFirst = "[lease]\ngrace = \"2h\"\n";
const std::string kSecond = "# tighter\n[lease]\ngrace = \"10s\"\n";
const std::string kThird = "[lease]\ngrace = \"3h\"\n";

class PolicyFileTest : public testing::Test {
 protected:
  PolicyFileTest() { must(world_.create(*disk_, anchor_on(*disk_))); }

  [[nodiscard]] std::unique_ptr<KeyRing> open(io::FileSystem& files) const {
    return must(world_.open(files, {.anchor = anchor_on(files)}));
  }
  Status store(io::FileSystem& files, KeyRing& ring, const std::string& text) const {
    const auto pin = ring.contents().policy;
    return store_policy(files, layout_, ring, text, pin ? pin->version : 0);
  }
  LoadedPolicy load(io::FileSystem& files) const {
    return load_policy(files, layout_, open(files)->contents().policy);
  }
  void put(const std::string& path, std::string_view text) {
    must(io::replace_file(*disk_, path, as_bytes(text)));
  }

  const StoreLayout layout_{"/store"};
  keyring::World world_;
  std::unique_ptr<io::MemoryFileSystem> disk_ = keyring::empty_disk();
};

TEST_F(PolicyFileTest, ANewStoreHasTheDefaults) {
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.state, PolicyState::defaults);
  EXPECT_EQ(loaded.policy, format::Policy());
  EXPECT_EQ(loaded.version, 0U);
}

TEST_F(PolicyFileTest, WhatIsStoredIsLoadedByteForByte) {
  const auto ring = open(*disk_);
  must(store(*disk_, *ring, kFirst));
  must(store(*disk_, *ring, kSecond));
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.state, PolicyState::set);
  EXPECT_EQ(loaded.version, 2U);
  EXPECT_EQ(loaded.policy.lease.grace, 10s);
  EXPECT_EQ(loaded.text, kSecond);
  EXPECT_EQ(loaded.problem, "");
}

TEST_F(PolicyFileTest, NoPolicyAndAnotherVersionChangeNothing) {
  const auto ring = open(*disk_);
  must(store(*disk_, *ring, kFirst));
  EXPECT_EQ(code_of(store(*disk_, *ring, "grace = 1")), Code::invalid_argument);
  for (const std::uint64_t expected : {0U, 2U}) {
    EXPECT_EQ(code_of(store_policy(*disk_, layout_, *ring, kSecond, expected)), Code::busy);
  }
  EXPECT_EQ(load(*disk_).text, kFirst);
}

TEST_F(PolicyFileTest, AnAlteredFileGivesTheStrictest) {
  must(store(*disk_, *open(*disk_), kFirst));
  put(layout_.policy, "[lease]\ngrace = \"24h\"\n");
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.state, PolicyState::tampered);
  EXPECT_EQ(loaded.policy, format::strictest_policy());
  EXPECT_EQ(loaded.version, 1U);
  EXPECT_THAT(loaded.problem, HasSubstr("changed by hand, or an older one"));
  EXPECT_THAT(loaded.problem, HasSubstr("put version 1 of it back, or"));
  EXPECT_THAT(loaded.problem, HasSubstr("policy set --reset"));
  EXPECT_EQ(loaded.text, "");
}

TEST_F(PolicyFileTest, AnOlderFilePutBackGivesTheStrictest) {
  const auto ring = open(*disk_);
  must(store(*disk_, *ring, kFirst));
  must(store(*disk_, *ring, kSecond));
  put(layout_.policy, kFirst);
  EXPECT_EQ(load(*disk_).state, PolicyState::tampered);
  put(layout_.policy, kSecond);
  EXPECT_EQ(load(*disk_).state, PolicyState::set);
}

TEST_F(PolicyFileTest, AMissingOrUnreadableFileGivesTheStrictest) {
  must(store(*disk_, *open(*disk_), kFirst));
  put(layout_.policy, std::string(format::kMaxPolicySizeBytes + 1, '#'));
  EXPECT_EQ(load(*disk_).state, PolicyState::tampered);
  must(disk_->remove(layout_.policy));
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.policy, format::strictest_policy());
  EXPECT_THAT(loaded.problem, HasSubstr("is missing"));
}

TEST_F(PolicyFileTest, AFileThatWasNeverSetGivesTheStrictest) {
  put(layout_.policy, kFirst);
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.state, PolicyState::tampered);
  EXPECT_EQ(loaded.policy, format::strictest_policy());
  EXPECT_THAT(loaded.problem, HasSubstr("was never set"));
}

TEST_F(PolicyFileTest, APinnedFileOfANewerKeyholdGivesTheStrictest) {
  const auto ring = open(*disk_);
  const std::string_view text = "[lease]\nquantum = true\n";
  put(layout_.policy, text);
  must(ring->pin_policy({.version = 1, .digest = crypto::sha256(as_bytes(text))}));
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.state, PolicyState::tampered);
  EXPECT_EQ(loaded.policy, format::strictest_policy());
  EXPECT_THAT(loaded.problem, HasSubstr("policy.toml:2: lease.quantum is no key"));
  EXPECT_EQ(loaded.text, text);
}

TEST_F(PolicyFileTest, ResetHealsATamperedPolicy) {
  const auto ring = open(*disk_);
  must(store(*disk_, *ring, kFirst));
  put(layout_.policy, kThird);
  must(store(*disk_, *ring, format::serialize_policy({})));
  const LoadedPolicy loaded = load(*disk_);
  EXPECT_EQ(loaded.state, PolicyState::set);
  EXPECT_EQ(loaded.policy, format::Policy());
  EXPECT_EQ(loaded.version, 2U);
}

TEST_F(PolicyFileTest, ReadingWritesNothingAndSeesTheUnfinishedChange) {
  const auto ring = open(*disk_);
  must(store(*disk_, *ring, kFirst));
  must(disk_->rename(layout_.policy, layout_.policy_next));
  const auto read = read_policy(*disk_, layout_, ring->contents().policy);
  EXPECT_EQ(read.state, PolicyState::set);
  EXPECT_FALSE(must(io::exists(*disk_, layout_.policy)));
  EXPECT_EQ(load(*disk_).state, PolicyState::set);
  EXPECT_TRUE(must(io::exists(*disk_, layout_.policy)));
}

TEST_F(PolicyFileTest, KeysThatAreGoneChangeNothing) {
  const auto ring = open(*disk_);
  ring->wipe();
  EXPECT_EQ(code_of(store(*disk_, *ring, kFirst)), Code::sealed);
  EXPECT_EQ(load(*disk_).state, PolicyState::defaults);
  EXPECT_EQ(must(disk_->list(kDirectory)).size(), 2U) << "a leftover";
}

// Every change: from none to the first, and from the first to the second.
class PolicyChange : public PolicyFileTest, public testing::WithParamInterface<bool> {
 protected:
  PolicyChange() {
    if (GetParam()) must(store(*disk_, *open(*disk_), kFirst));
  }

  [[nodiscard]] std::unique_ptr<io::MemoryFileSystem> fresh() const {
    return disk_->crash_image(CrashPolicy::kill);
  }

  // The next start finds the old policy or the new one, whole; a change can be made.
  void expect_recovered(io::MemoryFileSystem& disk, bool done) const {
    const LoadedPolicy loaded = load(disk);
    const auto old_state = GetParam() ? PolicyState::set : PolicyState::defaults;
    const bool is_old = loaded.state == old_state && loaded.text == (GetParam() ? kFirst : "");
    const bool is_new = loaded.state == PolicyState::set && loaded.text == kSecond;
    EXPECT_TRUE(is_new || (is_old && !done)) << loaded.problem;
    EXPECT_EQ(must(disk.list(kDirectory)).size(), is_new || GetParam() ? 3U : 2U) << "a leftover";
    must(store(disk, *open(disk), kThird));
    EXPECT_EQ(load(disk).text, kThird);
  }
};

TEST_P(PolicyChange, ACrashAtAnyStepLeavesTheOldOrTheNew) {
  for (const auto effect :
       {Fault::Effect::nothing, Fault::Effect::prefix, Fault::Effect::everything}) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      SCOPED_TRACE("change " + std::to_string(at));
      const auto disk = fresh();
      io::FaultFileSystem files(*disk);
      const auto ring = open(files);
      files.set_fault({.at = at, .effect = effect, .lasts = Fault::Lasts::stop_world});
      const bool done = store(files, *ring, kSecond).has_value();
      fired = files.fired();
      expect_recovered(*disk, done);
    }
    EXPECT_GT(at, 10U);
  }
}

TEST_P(PolicyChange, APowerLossAtAnyStepLeavesTheOldOrTheNew) {
  constexpr std::uint64_t kSeeds = 12;
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      SCOPED_TRACE("change " + std::to_string(at) + ", seed " + std::to_string(seed));
      const auto disk = fresh();
      io::FaultFileSystem files(*disk);
      const auto ring = open(files);
      files.set_fault({.at = at, .lasts = Fault::Lasts::stop_world});
      const bool done = store(files, *ring, kSecond).has_value();
      fired = files.fired();
      const auto policy = seed == 0 ? CrashPolicy::lose_unsynced : CrashPolicy::power_loss;
      expect_recovered(*disk->crash(policy, seed), done);
    }
  }
}

// The process lives on, tries again with another text, and the power goes at any step of that.
TEST_P(PolicyChange, ACrashInASecondAttemptLeavesOneOfTheThree) {
  for (std::uint64_t first = 1; first < 16; ++first) {
    std::uint64_t at = 1;
    for (bool fired = true; fired; ++at) {
      SCOPED_TRACE("failure " + std::to_string(first) + ", crash " + std::to_string(at));
      const auto disk = fresh();
      io::FaultFileSystem files(*disk);
      const auto ring = open(files);
      files.set_fault({.at = first, .effect = Fault::Effect::everything});
      static_cast<void>(store(files, *ring, kThird));
      files.set_fault({.at = at, .lasts = Fault::Lasts::stop_world});
      const bool done = store(files, *ring, kSecond).has_value();
      fired = files.fired();
      const auto after = disk->crash(CrashPolicy::power_loss, at);
      const LoadedPolicy loaded = load(*after);
      EXPECT_NE(loaded.state, PolicyState::tampered) << loaded.problem;
      EXPECT_TRUE(!done || loaded.text == kSecond);
    }
  }
}

// Reads fail too, those of the start included: then the strictest rules, and the next start is
// well.
TEST_P(PolicyChange, AFaultAtAnyReadOfAStartIsMadeUpForByTheNext) {
  const auto ring = open(*disk_);
  must(store(*disk_, *ring, kSecond));
  must(disk_->rename(layout_.policy, layout_.policy_next));
  const auto pin = ring->contents().policy;
  std::uint64_t at = 1;
  for (bool fired = true; fired; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    const auto disk = fresh();
    io::FaultFileSystem files(*disk);
    files.set_fault({.at = at, .counts = Fault::Counts::everything});
    const LoadedPolicy loaded = load_policy(files, layout_, pin);
    fired = files.fired();
    const bool verified = loaded.state == PolicyState::set && loaded.text == kSecond;
    EXPECT_TRUE(verified || loaded.policy == format::strictest_policy());
    EXPECT_EQ(load(*disk).text, kSecond);
  }
  EXPECT_GT(at, 3U);
}

INSTANTIATE_TEST_SUITE_P(PolicyFile, PolicyChange, testing::Bool(),
                         [](const auto& of) { return of.param ? "ofAPolicy" : "ofTheDefaults"; });

// Field by field; a clock that one of the two gains is noticed by what both say of the design.
TEST(LeasePolicyOf, DefaultsAgreeWithTheLease) {
  const control::LeasePolicy lease;
  const control::LeasePolicy converted = lease_policy(format::Policy().lease);
  EXPECT_EQ(converted.probe_interval, lease.probe_interval);
  EXPECT_EQ(converted.probe_jitter, lease.probe_jitter);
  EXPECT_EQ(converted.probe_deadline, lease.probe_deadline);
  EXPECT_EQ(converted.retry_interval, lease.retry_interval);
  EXPECT_EQ(converted.confirm_after, lease.confirm_after);
  EXPECT_EQ(converted.confirm_probes, lease.confirm_probes);
  EXPECT_EQ(converted.grace, lease.grace);
  EXPECT_EQ(converted.stuck_after, lease.stuck_after);
  EXPECT_EQ(converted.settling, lease.settling);
  EXPECT_EQ(converted.successes_to_unseal, lease.successes_to_unseal);
  EXPECT_EQ(converted.success_spacing, lease.success_spacing);
  EXPECT_EQ(converted.ambiguous, lease.ambiguous);
  EXPECT_EQ(converted.seal_when, lease.seal_when);
  static_assert(sizeof(control::LeasePolicy) == sizeof(format::LeaseRules));
}

TEST(LeasePolicyOf, StrictestIsStrict) {
  const control::LeasePolicy converted = lease_policy(format::strictest_policy().lease);
  EXPECT_EQ(converted.grace, 0s);
  EXPECT_EQ(converted.ambiguous, control::AmbiguousRule::denial);
  format::LeaseRules rules;
  rules.seal_when = format::SealWhen::all_denied;
  rules.grace = 2h;
  EXPECT_EQ(lease_policy(rules).seal_when, control::SealWhen::all_denied);
  EXPECT_EQ(lease_policy(rules).grace, 2h);
}

}  // namespace
}  // namespace keyhold::host
