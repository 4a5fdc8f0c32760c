// A cluster that has wrapped a key under a customer's on devcloud, and what it then meets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/log.h"
#include "kms/aws/client.h"
#include "test_aws_world.h"

namespace keyhold::kms {

inline const std::string kOrg = "org-1";

// What the customer does to be rid of us.
class AwsRevocation : public testing::Test {
 protected:
  explicit AwsRevocation(const std::vector<std::string>& replicas = {})
      : world_(kOrg, replicas), spec_(world_.spec()) {}

  std::unique_ptr<Client> client_for(const std::string& org, const std::string& region = "") {
    auto made = AwsClient::create(
        spec_, {.org = OrgId(org), .cluster = ClusterId("orders"), .region = RegionName(region)},
        world_.environment(), world_.cloud().clock());
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return *std::move(made);
  }
  void wrap() {
    client_ = client_for(kOrg);
    const auto key = crypto::Key256::generate(crypto::system_random()).value();
    const auto wrapped = client_->wrap(key, {}, soon());
    ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
    ciphertext_ = wrapped->ciphertext;
    ASSERT_TRUE(probe().has_value());
  }
  [[nodiscard]] Deadline soon() {
    return Deadline::after(world_.cloud().clock(), std::chrono::seconds(20));
  }
  Result<std::string> probe() { return client_->probe(ciphertext_, {}, soon()); }
  void expect_probe(Fault fault, const std::string& piece = "") {
    const auto probed = probe();
    ASSERT_FALSE(probed.has_value());
    EXPECT_EQ(probed.error().fault(), fault) << probed.error().message();
    EXPECT_NE(probed.error().message().find(piece), std::string::npos) << probed.error().message();
    EXPECT_FALSE(probed.error().request_id().empty());
  }

  AwsWorld world_;
  KeySpec spec_;
  std::unique_ptr<Client> client_;
  ByteVector ciphertext_;
};

}  // namespace keyhold::kms
