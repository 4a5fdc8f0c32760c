#include "kms/aws/principal.h"
#include "test_aws_world.h"
#include "test_customers.h"
#include "test_gcp_world.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

// Both speak to devcloud, through something in between where a test wants that.
class DevcloudCustomer : public Customer {
 public:
  [[nodiscard]] std::string server() const override { return direct_.endpoint; }
  [[nodiscard]] std::string server_ca() const override { return direct_.ca_file; }
  [[nodiscard]] KeySpec spec() const override { return spec_; }

 protected:
  void start_at(KeySpec spec) { spec_ = direct_ = std::move(spec); }
  void set_server(const std::string& origin, const std::string& ca_file) {
    spec_.endpoint = origin;
    spec_.ca_file = ca_file;
  }
  static void break_services(TestDevcloud& cloud, const std::string& kind,
                             const std::vector<std::string>& services) {
    for (const std::string& service : services) {
      cloud.must("POST", "faults", {{"service", service}, {"kind", kind}});
    }
  }
  static void mend_services(TestDevcloud& cloud) { cloud.must("DELETE", "faults", Json::object()); }

 private:
  KeySpec spec_;
  KeySpec direct_;
};

class AwsCustomer final : public DevcloudCustomer {
 public:
  AwsCustomer() { start_at(world_.spec()); }

  [[nodiscard]] OrgId org() const override { return OrgId(world_.org()); }
  Result<std::unique_ptr<Client>> client(const KeySpec& spec, const Caller& caller) override {
    return AwsClient::create(spec, caller, world_.environment(), world_.cloud().clock());
  }
  void set_key(bool enabled) override { world_.on_key(enabled ? "EnableKey" : "DisableKey"); }
  void set_access(bool given) override { world_.set_trust(given); }
  void begin_outage(const std::string& kind) override {
    break_services(world_.cloud(), kind, {"kms", "sts"});
  }
  void end_outage() override { mend_services(world_.cloud()); }

  bool log_in(Deadline deadline) override {
    const auto roles = aws::parse_principal(world_.role(), org());
    cloud::aws::Login login(http(), world_.environment(), world_.cloud().clock(), "keyhold-test");
    const auto sts = cloud::aws::sts_endpoint(world_.environment(), "us-east-1");
    const auto own = login.own(sts, deadline);
    return own && login.assume(*roles, *own, sts, std::chrono::minutes(15), deadline);
  }
  [[nodiscard]] std::shared_ptr<net::HttpClient> http() const override {
    net::HttpOptions options;
    options.ca_file = spec().ca_file;
    options.max_response_bytes = 256U << 10U;  // as the client has it
    return net::shared_http_client(const_cast<AwsWorld&>(world_).cloud().clock(), options);
  }
  void go_through(const std::string& origin, const std::string& ca_file) override {
    world_.environment().variables["AWS_ENDPOINT_URL_STS"] = origin;
    set_server(origin, ca_file);
  }

 private:
  AwsWorld world_{"org-1"};
};

class GcpCustomer final : public DevcloudCustomer {
 public:
  GcpCustomer() { start_at(world_.create_key("orders")); }

  Result<std::unique_ptr<Client>> client(const KeySpec& spec, const Caller& /*caller*/) override {
    return world_.make_client(spec);
  }
  void set_key(bool enabled) override {
    if (enabled) return world_.enable("orders");
    world_.disable("orders");
  }
  void set_access(bool given) override {
    world_.let(given ? std::vector<std::string>{kGcpCluster} : std::vector<std::string>());
  }
  void begin_outage(const std::string& kind) override {
    break_services(world_.cloud(), kind, {"cloudkms", "iamcredentials"});
  }
  void end_outage() override { mend_services(world_.cloud()); }

  bool log_in(Deadline deadline) override {
    cloud::gcp::TokenSource source(http(), world_.environment(), world_.clock());
    return source
        .impersonate({kGcpAccount}, "https://www.googleapis.com/auth/cloudkms",
                     std::chrono::hours(1), deadline)
        .has_value();
  }
  [[nodiscard]] std::shared_ptr<net::HttpClient> http() const override {
    net::HttpOptions options;
    options.ca_file = spec().ca_file;
    return net::shared_http_client(world_.clock(), options);
  }
  void go_through(const std::string& origin, const std::string& ca_file) override {
    world_.log_in_through(origin);
    set_server(origin, ca_file);
  }

 private:
  GcpWorld world_;
};

}  // namespace

std::unique_ptr<Customer> aws_customer() {
  return std::make_unique<AwsCustomer>();
}
std::unique_ptr<Customer> gcp_customer() {
  return std::make_unique<GcpCustomer>();
}

}  // namespace keyhold::kms
