// A host and its clients about the policy that rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/remote_keys.h"
#include "host/store_status.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

const std::string kTwoHours = "[lease]\ngrace = \"2h\"\n";
const std::string kNone = "[lease]\ngrace = \"0\" # none\n";

class HostPolicy : public testing::Test {
 protected:
  HostPolicy() { store_.make(); }

  std::unique_ptr<Host> open() {
    auto host = store_.open();
    EXPECT_TRUE(host) << host.error().message();
    return host ? *std::move(host) : nullptr;
  }
  std::unique_ptr<RemoteKeys> connect() {
    auto keys = RemoteKeys::connect(store_.clock, store_.path, 5s);
    EXPECT_TRUE(keys) << keys.error().message();
    return keys ? *std::move(keys) : nullptr;
  }
  void put(std::string_view text) {
    ASSERT_TRUE(io::replace_file(io::posix_file_system(), store_.layout.policy, as_bytes(text)));
  }

  TestStore store_;
};

TEST_F(HostPolicy, ANewStoreGoesByTheDefaults) {
  const auto host = open();
  ASSERT_TRUE(host->status().policy);
  EXPECT_EQ(host->status().policy->state, PolicyState::defaults);
  EXPECT_FALSE(host->status().policy->pin);
  EXPECT_EQ(host->policy().value().policy, format::Policy());
}

TEST_F(HostPolicy, WhatIsSetRulesAtOnceAndAfterARestart) {
  {
    const auto host = open();
    EXPECT_EQ(host->set_policy(kTwoHours, 0).value(), 1U);
    EXPECT_EQ(host->status().policy->state, PolicyState::set);
    EXPECT_EQ(host->status().policy->pin->version, 1U);
  }
  const auto host = open();
  EXPECT_EQ(host->status().policy->pin->version, 1U);
  EXPECT_EQ(host->policy().value().policy.lease.grace, 2h);
  EXPECT_EQ(host->policy().value().text, kTwoHours);
}

TEST_F(HostPolicy, AChangeIsLogged) {
  const auto host = open();
  const LogCapture log;
  ASSERT_TRUE(host->set_policy(kNone, 0));
  EXPECT_THAT(log.text(), HasSubstr("policy version 1; lease.grace 1h → 0"));
}

TEST_F(HostPolicy, AClientSetsItThroughTheHost) {
  const auto host = open();
  const auto client = connect();
  EXPECT_EQ(client->policy().value().state, PolicyState::defaults);
  EXPECT_EQ(client->set_policy(kTwoHours, 0).value(), 1U);
  EXPECT_EQ(client->set_policy(kNone, 1).value(), 2U);
  EXPECT_EQ(client->policy().value().text, kNone);
  EXPECT_EQ(host->policy().value().text, kNone);
  EXPECT_EQ(host->status().policy->pin->version, 2U);
}

TEST_F(HostPolicy, TwoWhoChangeOneVersionDoNotOverwriteEachOther) {
  const auto host = open();
  const auto client = connect();
  ASSERT_TRUE(host->set_policy(kTwoHours, 0));
  const auto late = client->set_policy(kNone, 0);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::busy);
  EXPECT_THAT(late.error().message(), HasSubstr("at version 1, not 0"));
  EXPECT_EQ(host->policy().value().text, kTwoHours);
}

TEST_F(HostPolicy, WhatIsNoPolicyChangesNothing) {
  const auto host = open();
  const auto client = connect();
  EXPECT_EQ(client->set_policy("lease.grace = 7", 0).error().code(), Code::invalid_argument);
  EXPECT_EQ(client->set_policy(std::string(100'000, '#'), 0).error().code(),
            Code::invalid_argument);
  EXPECT_EQ(host->policy().value().version, 0U);
}

TEST_F(HostPolicy, ATamperedFileIsTheStrictestAndSaysSo) {
  ASSERT_TRUE(open()->set_policy(kTwoHours, 0));
  put("[lease]\ngrace = \"24h\"\n");
  const LogCapture log;
  const auto host = open();
  EXPECT_THAT(log.text(), HasSubstr("is not what was set"));
  const auto view = host->status().policy;
  ASSERT_TRUE(view);
  EXPECT_EQ(view->state, PolicyState::tampered);
  EXPECT_THAT(view->problem, HasSubstr("policy set --reset"));
  EXPECT_EQ(host->policy().value().policy, format::strictest_policy());
  EXPECT_EQ(connect()->policy().value().state, PolicyState::tampered);
}

TEST_F(HostPolicy, SettingOneHealsATamperedOne) {
  ASSERT_TRUE(open()->set_policy(kTwoHours, 0));
  put("");
  const auto host = open();
  EXPECT_EQ(host->set_policy(kNone, 1).value(), 2U);
  EXPECT_EQ(host->status().policy->state, PolicyState::set);
  EXPECT_EQ(host->status().policy->problem, "");
}

// The key ring on disk is anybody's who writes to the disk; the host's word is not.
TEST_F(HostPolicy, AClientGoesByTheHostsPinNotByTheRingOnDisk) {
  const auto host = open();
  ASSERT_TRUE(host->set_policy(kTwoHours, 0));
  auto& files = io::posix_file_system();
  const auto ring_path = [&](char copy) { return store_.layout.directory + "/keyring." + copy; };
  const ByteVector ring = io::read_file(files, ring_path('a'), 1U << 20U).value();
  ASSERT_TRUE(host->set_policy(kNone, 1));
  for (const char copy : {'a', 'b'}) ASSERT_TRUE(io::replace_file(files, ring_path(copy), ring));
  put(kTwoHours);
  EXPECT_EQ(connect()->policy().value().state, PolicyState::tampered);
  const auto status = describe_store(store_.machine(), store_.path, {});
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->policy_verified);
  EXPECT_EQ(status->policy.state, PolicyState::tampered);
}

TEST_F(HostPolicy, ASealedHostChangesNothing) {
  const auto host = open();
  host->seal("a test");
  EXPECT_EQ(host->set_policy(kTwoHours, 0).error().code(), Code::sealed);
  EXPECT_EQ(host->status().policy->state, PolicyState::defaults);
}

TEST_F(HostPolicy, StatusWithoutAHostIsNotVerified) {
  ASSERT_TRUE(open()->set_policy(kTwoHours, 0));
  const auto status = describe_store(store_.machine(), store_.path, {});
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->policy_verified);
  EXPECT_EQ(status->policy.state, PolicyState::set);
  EXPECT_EQ(status->policy.version, 1U);
}

TEST_F(HostPolicy, StatusComesBackFromJson) {
  ASSERT_TRUE(open()->set_policy(kTwoHours, 0));
  put("");
  const auto host = open();
  const HostStatus sent = host->status();
  const auto read = host_status_from_json(to_json_text(sent));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_TRUE(read->policy);
  EXPECT_EQ(read->policy->state, sent.policy->state);
  EXPECT_EQ(read->policy->pin, sent.policy->pin);
  EXPECT_EQ(read->policy->problem, sent.policy->problem);
}

}  // namespace
}  // namespace keyhold::host
