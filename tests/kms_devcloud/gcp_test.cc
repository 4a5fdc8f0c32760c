// Google Cloud KMS against devcloud: the suite of all providers, and what revocation looks like.
#include "test_gcp_world.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

std::unique_ptr<KmsAdapter> make_gcp() {
  return std::make_unique<GcpWorld>();
}

INSTANTIATE_TEST_SUITE_P(GcpOnDevcloud, KmsConformance, testing::Values(&make_gcp));

class GcpRevocation : public testing::Test {
 protected:
  void SetUp() override {
    client_ = kms_.make_client(kms_.create_key("orders")).value();
    context_.org = OrgId("org-1");
    context_.cluster = ClusterId("cluster-1");
    context_.region = RegionName("us-east-1");
    context_.purpose = Purpose::serve;
    context_.key_id = KeyId(ByteVector(16, 0x5a));
    const auto key = crypto::Key256::generate(crypto::system_random()).value();
    wrapped_ = client_->wrap(key, context_, deadline()).value().ciphertext;
    ASSERT_TRUE(probe().has_value());
  }
  [[nodiscard]] Deadline deadline() const {
    return Deadline::after(kms_.clock(), std::chrono::seconds(20));
  }
  Result<std::string> probe() { return client_->probe(wrapped_, context_, deadline()); }
  void expect(Fault fault) {
    const auto probed = probe();
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
  }

  GcpWorld kms_;
  std::unique_ptr<Client> client_;
  WrapContext context_;
  ByteVector wrapped_;
};

TEST_F(GcpRevocation, TokenCreatorTakenAwayIsDenied) {
  kms_.let({});
  expect(Fault::denied);
  kms_.let({kGcpCluster});
  EXPECT_TRUE(probe().has_value());
}

TEST_F(GcpRevocation, RoleOnTheKeyTakenAwayIsDenied) {
  kms_.grant(kGcpRing, {{"roles/cloudkms.viewer", kGcpAccount}});
  expect(Fault::denied);
}

TEST_F(GcpRevocation, CustomersAccountDisabledIsDenied) {
  kms_.set_disabled(kGcpAccount, true);
  expect(Fault::denied);
  kms_.set_disabled(kGcpAccount, false);
  EXPECT_TRUE(probe().has_value());
}

TEST_F(GcpRevocation, OwnAccountDisabledIsDenied) {
  kms_.set_disabled(kGcpCluster, true);
  expect(Fault::denied);
}

TEST_F(GcpRevocation, FaultsAreOutagesOrRefusals) {
  const std::vector<std::pair<const char*, Fault>> rows = {{"error", Fault::unavailable},
                                                           {"proxy", Fault::unavailable},
                                                           {"cut", Fault::unavailable},
                                                           {"deny", Fault::denied},
                                                           {"disable", Fault::disabled}};
  for (const auto& [kind, fault] : rows) {
    SCOPED_TRACE(kind);
    kms_.cloud().must("POST", "faults", {{"service", "cloudkms"}, {"kind", kind}});
    expect(fault);
    kms_.cloud().must("DELETE", "faults", Json::object());
  }
}

}  // namespace
}  // namespace keyhold::kms
