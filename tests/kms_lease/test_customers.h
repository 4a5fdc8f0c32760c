// Customers of every provider: a CMEK in a KMS that is really served, the cluster's way to it, and
// what a customer or the network can do to it. LOCAL; AWS and Google on devcloud; Vault as OpenBao.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "kms/client.h"
#include "net/http_client.h"

namespace keyhold::kms {

class Customer {
 public:
  virtual ~Customer() = default;
  Customer(const Customer&) = delete;
  Customer& operator=(const Customer&) = delete;

  [[nodiscard]] virtual KeySpec spec() const = 0;
  [[nodiscard]] virtual OrgId org() const { return OrgId("org-1"); }
  virtual Result<std::unique_ptr<Client>> client(const KeySpec& spec, const Caller& caller) = 0;
  Result<std::unique_ptr<Client>> client() {
    return client(spec(), {.org = org(), .cluster = ClusterId("orders"), .region = {}});
  }

  // The CMEK.
  virtual void set_key(bool enabled) = 0;
  // The cluster's way to it: the role's trust, the token-creator grant, the policy.
  virtual void set_access(bool given) = 0;
  // Whether credentials that were given out before still count. `unwraps`: those of an old client.
  [[nodiscard]] virtual bool session_lives(const std::function<bool()>& unwraps) {
    return unwraps();
  }
  // "cut", "error" or "throttle", of every service that a probe asks; or "stopped".
  virtual void begin_outage(const std::string& kind) = 0;
  virtual void end_outage() = 0;

  // What a probe does before it asks the KMS, with nothing kept. Without a login: does nothing.
  virtual bool log_in(Deadline deadline) = 0;
  // The client of its connections; null where it needs none.
  [[nodiscard]] virtual std::shared_ptr<net::HttpClient> http() const = 0;
  // The provider's server, and the CA that it is trusted by.
  [[nodiscard]] virtual std::string server() const = 0;
  [[nodiscard]] virtual std::string server_ca() const = 0;
  // From now on logins and requests go to this server instead.
  virtual void go_through(const std::string& origin, const std::string& ca_file) = 0;

 protected:
  Customer() = default;
};

using MakeCustomer = std::unique_ptr<Customer> (*)();

std::unique_ptr<Customer> local_customer();
std::unique_ptr<Customer> aws_customer();
std::unique_ptr<Customer> gcp_customer();
// Null where OpenBao is not installed.
std::unique_ptr<Customer> vault_customer_by_approle();
std::unique_ptr<Customer> vault_customer_by_token();

}  // namespace keyhold::kms
