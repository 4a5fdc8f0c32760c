#include "host/recording_client.h"

#include <array>

#include <gtest/gtest.h>

#include "audit/read.h"
#include "audit/verify.h"
#include "io/memory_file_system.h"
#include "kms/fake/fake_kms.h"

namespace keyhold::host {
namespace {

constexpr const char* kLogDirectory = "/audit";

std::vector<audit::Record> records_of(io::FileSystem& files) {
  std::vector<audit::Record> records;
  EXPECT_TRUE(audit::read_log(files, kLogDirectory, 1,
                              [&](const audit::Line&, const audit::Record* record) {
                                if (record != nullptr) records.push_back(*record);
                                return true;
                              }));
  return records;
}

kms::WrapContext context_of(std::uint32_t version) {
  kms::WrapContext context;
  context.org = OrgId("acme");
  context.cluster = ClusterId("orders");
  context.region = RegionName("eu-1");
  context.key_id = KeyId(ByteVector(16, 0x11));
  context.version = version;
  return context;
}

class RecordingClientTest : public testing::Test {
 protected:
  RecordingClientTest() : kms_(clock_, crypto::system_random()), files_(clock_) {
    key_ = kms_.create_key("orders");
    auto log = audit::Log::open(files_, clock_, kLogDirectory);
    EXPECT_TRUE(log) << log.error().message();
    log_ = *std::move(log);
    auto client = recording(
        [this](const kms::KeySpec& spec, const kms::Caller&) { return kms_.make_client(spec); },
        *log_)(key_, {});
    EXPECT_TRUE(client);
    client_ = *std::move(client);
  }
  [[nodiscard]] Deadline soon() const { return Deadline::after(clock_, std::chrono::seconds(1)); }

  ManualClock clock_;
  kms::FakeKms kms_;
  io::MemoryFileSystem files_;
  kms::KeySpec key_;
  std::unique_ptr<audit::Log> log_;
  std::unique_ptr<kms::Client> client_;
};

TEST_F(RecordingClientTest, EveryRequestIsRecordedWithItsAnswer) {
  const auto key = crypto::Key256::generate(crypto::system_random());
  const auto wrapped = client_->wrap(*key, context_of(3), soon());
  ASSERT_TRUE(wrapped);
  const auto unwrapped = client_->unwrap(wrapped->ciphertext, context_of(3), soon());
  ASSERT_TRUE(unwrapped);
  const auto probed = client_->probe(wrapped->ciphertext, context_of(3), soon());
  ASSERT_TRUE(probed);
  const auto described = client_->describe(soon());
  ASSERT_TRUE(described);
  const auto records = records_of(files_);
  ASSERT_EQ(records.size(), 4U);
  const std::array expected = {
      std::pair("wrap", wrapped->request_id), std::pair("unwrap", unwrapped->request_id),
      std::pair("probe", *probed), std::pair("describe", described->request_id)};
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].event, expected.at(i).first);
    EXPECT_EQ(records[i].request_id, expected.at(i).second);
    EXPECT_EQ(records[i].outcome, "ok");
    EXPECT_EQ(records[i].key_uri, key_.uri.str());
  }
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].key_id, "11111111111111111111111111111111");
    EXPECT_EQ(records[i].kek_version, 3U);
    EXPECT_EQ(records[i].purpose, "serve");
  }
  EXPECT_EQ(records[0].key_version, wrapped->key_version.str());
  EXPECT_EQ(records[3].key_version, described->primary_version.str());
}

TEST_F(RecordingClientTest, EveryRefusalIsRecordedWithItsFault) {
  using kms::Fault;
  for (const Fault fault :
       {Fault::denied, Fault::disabled, Fault::not_found, Fault::throttled, Fault::unavailable,
        Fault::malformed, Fault::configuration, Fault::ambiguous}) {
    kms_.script_all(kms::ScriptedOutcome::failing(fault));
    const auto key = crypto::Key256::generate(crypto::system_random());
    const auto wrapped = client_->wrap(*key, context_of(1), soon());
    const auto unwrapped = client_->unwrap({}, context_of(1), soon());
    const auto probed = client_->probe({}, context_of(1), soon());
    const auto described = client_->describe(soon());
    const auto records = records_of(files_);
    ASSERT_GE(records.size(), 4U);
    const std::array ids = {wrapped.error().request_id(), unwrapped.error().request_id(),
                            probed.error().request_id(), described.error().request_id()};
    for (std::size_t i = 0; i < 4; ++i) {
      const audit::Record& record = records[records.size() - 4 + i];
      EXPECT_EQ(record.outcome, kms::fault_name(fault));
      EXPECT_EQ(record.request_id, ids.at(i));
      EXPECT_FALSE(record.message.empty());
    }
  }
}

TEST_F(RecordingClientTest, AFullDiskTakesNoAnswerAway) {
  files_.set_capacity(0);
  const auto key = crypto::Key256::generate(crypto::system_random());
  EXPECT_TRUE(client_->wrap(*key, context_of(1), soon()));
  EXPECT_EQ(log_->health().waiting, 1U);
}

TEST_F(RecordingClientTest, TheKeyRingsSignerSignsTheStoresLog) {
  ASSERT_TRUE(files_.make_directory("/ring", 0700));
  const keyring::Environment machine{files_, clock_, crypto::system_random()};
  const keyring::Identity identity{.org = OrgId("acme"),
                                   .cluster = ClusterId("orders"),
                                   .region = RegionName("eu-1"),
                                   .node = NodeId("n1")};
  const auto ring = keyring::KeyRing::create(machine, "/ring", identity, {}, *client_, soon());
  ASSERT_TRUE(ring) << ring.error().message();
  audit::Record start;
  start.event = audit::events::kStart;
  EXPECT_TRUE(log_->unseal(start, audit_signer(**ring)));
  auto report = audit::verify_log(files_, kLogDirectory);
  ASSERT_TRUE(report);
  EXPECT_TRUE(audit::check_checkpoints(*report, audit_signer(**ring)));
  EXPECT_TRUE(report->findings.empty());
  EXPECT_EQ(report->signed_up_to, report->last_seq);
  EXPECT_GT(report->records, 3U);  // the ring's own wrap and unwrap among them
  (*ring)->wipe();
  EXPECT_EQ(audit_signer(**ring)({}).error().code(), Code::sealed);
}

}  // namespace
}  // namespace keyhold::host
