// What a host writes down, and whom it tells, of what happens to its lease: a real host, a fake
// KMS.
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/audit_record.h"
#include "host/test_store.h"
#include "net/test_server.h"

namespace keyhold::host {
namespace {

using testing::HasSubstr;

class LeaseRecords : public testing::Test {
 protected:
  LeaseRecords() { store_.make(); }

  void open() {
    HostOptions options = store_.options();
    options.keeps_lease = true;
    options.lease = quick_policy();
    auto opened = store_.open(options);
    ASSERT_TRUE(opened) << opened.error().message();
    host_ = *std::move(opened);
  }
  void reach(HostState state) const {
    ASSERT_TRUE(eventually([&] { return host_->status().state == state; }));
  }
  void deny_and_allow() {
    store_.kms.disable("cmek");
    reach(HostState::sealed);
    store_.kms.enable("cmek");
    reach(HostState::serving);
  }
  void be_away_and_back() {
    store_.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
    reach(HostState::degraded);
    store_.kms.script_all(std::nullopt);
    reach(HostState::serving);
  }
  [[nodiscard]] std::multimap<std::string, format::AuditRecord> records() const {
    std::multimap<std::string, format::AuditRecord> all;
    std::ifstream lines(store_.layout.audit + "/0000000000000001.jsonl");
    for (std::string line; std::getline(lines, line);) {
      const auto record = format::parse_audit_record(line);
      EXPECT_TRUE(record) << line;
      if (record) all.emplace(record->event, *record);
    }
    return all;
  }

  TestStore store_;
  std::unique_ptr<Host> host_;
};

TEST_F(LeaseRecords, EveryActHasItsRecord) {
  open();
  ASSERT_TRUE(host_->rotate_dek());
  ASSERT_TRUE(host_->rotate_kek());
  ASSERT_TRUE(host_->rewrap());
  deny_and_allow();
  be_away_and_back();
  ASSERT_TRUE(host_->order_seal());
  reach(HostState::sealed);
  ASSERT_TRUE(host_->order_unseal());
  reach(HostState::serving);
  ASSERT_TRUE(host_->set_policy("[lease]\ngrace = \"2h\"\n", 0));
  host_.reset();
  const auto all = records();
  for (const char* event :
       {"start", "wrap", "unwrap", "probe", "rotate_dek", "rotate_kek", "rewrap", "policy",
        "denial", "denial_cleared", "outage", "outage_end", "stop"}) {
    EXPECT_GE(all.count(event), 1U) << event;
  }
  for (const char* event : {"seal", "unseal", "order"}) EXPECT_EQ(all.count(event), 2U) << event;
  for (const char* event : {"wrap", "unwrap", "probe"}) {
    for (auto [at, end] = all.equal_range(event); at != end; ++at) {
      EXPECT_FALSE(at->second.request_id.empty()) << event;
    }
  }
  EXPECT_THAT(all.find("seal")->second.cause, HasSubstr("denied"));
}

TEST_F(LeaseRecords, TheWebhookOfThePolicyHearsOfDenialOutageAndTheirEnds) {
  net::TestServer webhook;
  open();
  ASSERT_TRUE(host_->set_policy("[alerts]\nwebhook = \"" + webhook.url() + "\"\n", 0));
  deny_and_allow();
  be_away_and_back();
  const auto heard = [&](const std::string& kind) {
    return std::ranges::any_of(webhook.received(), [&](const auto& request) {
      return request.body.find("\"alert\":\"" + kind + "\"") != std::string::npos;
    });
  };
  for (const char* kind :
       {"denial", "sealed", "unsealed", "denial_cleared", "outage_begin", "outage_end"}) {
    EXPECT_TRUE(eventually([&] { return heard(kind); })) << kind;
  }
}

// Counts itself, and looks at the time that a probe is given.
class WatchedClient final : public kms::Client {
 public:
  WatchedClient(std::unique_ptr<kms::Client> inner, const Clock& clock, std::atomic<bool>& late)
      : inner_(std::move(inner)), clock_(clock), late_(late) {}
  [[nodiscard]] const kms::KeySpec& spec() const override { return inner_->spec(); }
  kms::Result<kms::WrappedKey> wrap(const crypto::Key256& key, const kms::WrapContext& context,
                                    Deadline deadline) override {
    return inner_->wrap(key, context, deadline);
  }
  kms::Result<kms::UnwrappedKey> unwrap(ByteView ciphertext, const kms::WrapContext& context,
                                        Deadline deadline) override {
    return inner_->unwrap(ciphertext, context, deadline);
  }
  kms::Result<kms::KeyDescription> describe(Deadline deadline) override {
    return inner_->describe(deadline);
  }
  kms::Result<std::string> probe(ByteView ciphertext, const kms::WrapContext& context,
                                 Deadline deadline) override {
    if (deadline.remaining(clock_) > std::chrono::seconds(1)) late_ = true;
    return inner_->probe(ciphertext, context, deadline);
  }

 private:
  const std::unique_ptr<kms::Client> inner_;
  const Clock& clock_;
  std::atomic<bool>& late_;
};

// So each has a login of its own, and none outlives what the customer has taken back meanwhile.
TEST_F(LeaseRecords, EveryProbeHasAClientOfItsOwnAndASecondAtMost) {
  std::atomic<std::uint64_t> made = 0;
  std::atomic<bool> late = false;
  HostOptions options = store_.options();
  options.keeps_lease = true;
  options.lease = quick_policy();
  options.clients = [&](const kms::KeySpec& spec,
                        const kms::Caller&) -> kms::Result<std::unique_ptr<kms::Client>> {
    ++made;
    KEYHOLD_TRY_ASSIGN(auto client, store_.kms.make_client(spec));
    return std::make_unique<WatchedClient>(std::move(client), store_.clock, late);
  };
  auto opened = store_.open(options);
  ASSERT_TRUE(opened) << opened.error().message();
  host_ = *std::move(opened);
  const std::uint64_t before = store_.kms.calls(kms::Operation::probe);
  const std::uint64_t made_before = made;
  ASSERT_TRUE(eventually([&] { return store_.kms.calls(kms::Operation::probe) >= before + 10; }));
  EXPECT_GE(made - made_before, 9U);
  EXPECT_FALSE(late);
  host_.reset();
}

}  // namespace
}  // namespace keyhold::host
