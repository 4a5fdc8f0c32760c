#include <filesystem>

#include "kms/local/admin.h"
#include "kms/local/client.h"
#include "kms/vault/client.h"
#include "kms/vault/test_openbao.h"
#include "test_customers.h"

namespace keyhold::kms {
namespace {

// A software KMS in a directory of theirs, which can be unmounted.
class LocalCustomer final : public Customer {
 public:
  LocalCustomer() { EXPECT_TRUE(kms_.create_key("orders")); }

  [[nodiscard]] KeySpec spec() const override {
    KeySpec spec;
    spec.type = KeyType::local;
    spec.uri = kms_.uri("orders");
    return spec;
  }
  Result<std::unique_ptr<Client>> client(const KeySpec& spec, const Caller& /*caller*/) override {
    return LocalClient::create(spec, io::posix_file_system(), system_clock(),
                               crypto::system_random());
  }
  void set_key(bool enabled) override {
    EXPECT_TRUE(enabled ? kms_.enable("orders") : kms_.disable("orders"));
  }
  void set_access(bool /*given*/) override { ADD_FAILURE() << "LOCAL has no login"; }
  void begin_outage(const std::string& /*kind*/) override {
    std::filesystem::rename(kms_.directory(), scratch_ / "away");
  }
  void end_outage() override { std::filesystem::rename(scratch_ / "away", kms_.directory()); }
  bool log_in(Deadline /*deadline*/) override { return true; }
  [[nodiscard]] std::shared_ptr<net::HttpClient> http() const override { return nullptr; }
  [[nodiscard]] std::string server() const override { return {}; }
  [[nodiscard]] std::string server_ca() const override { return {}; }
  void go_through(const std::string& /*origin*/, const std::string& /*ca_file*/) override {
    ADD_FAILURE() << "LOCAL has no server";
  }

 private:
  local::ScratchDirectory scratch_;
  LocalKms kms_ = LocalKms::init(scratch_ / "customer-kms").value();
};

class VaultCustomer final : public Customer {
 public:
  explicit VaultCustomer(bool by_token)
      : server_(vault::OpenBaoServer::shared()), tenant_(server_.admin()) {
    tenant_.server().must("POST", tenant_.path("orders"));
    spec_ = tenant_.spec("orders", by_token ? tenant_.token_file() : tenant_.approle());
  }
  // Nobody waits for a server that stands still.
  ~VaultCustomer() override { server_.go_on(); }

  [[nodiscard]] KeySpec spec() const override { return spec_; }
  Result<std::unique_ptr<Client>> client(const KeySpec& spec, const Caller& /*caller*/) override {
    return VaultClient::create(spec, cloud::process_environment(), system_clock());
  }
  void set_key(bool enabled) override {
    if (enabled) {
      tenant_.server().must("POST", tenant_.path("orders/soft-delete-restore"));
    } else {
      tenant_.server().must("DELETE", tenant_.path("orders/soft-delete"));
    }
  }
  void set_access(bool given) override {
    if (given) return tenant_.set_policy(R"({capabilities=["update"]})");
    tenant_.server().must("DELETE", "sys/policies/acl/" + tenant_.name());
  }
  // A policy counts at every request: the token lives, and may do nothing.
  [[nodiscard]] bool session_lives(const std::function<bool()>& unwraps) override {
    const auto found =
        tenant_.server().ask("POST", "auth/token/lookup", {{"token", tenant_.token()}});
    return found.status == 200 && !unwraps();
  }
  void begin_outage(const std::string& /*kind*/) override { server_.stop(); }
  void end_outage() override { server_.go_on(); }

  // And out again, as a probe does it.
  bool log_in(Deadline deadline) override {
    auto key = vault::parse_uri(spec_.uri.str());
    if (!spec_.endpoint.empty()) key->origin = spec_.endpoint;
    vault::Session session(*key, *vault::parse_principal(spec_.auth_principal.str()), http(),
                           cloud::process_environment(), system_clock());
    const auto token = session.log_in(deadline);
    if (token) session.revoke(*token, deadline);
    return token.has_value();
  }
  [[nodiscard]] std::shared_ptr<net::HttpClient> http() const override {
    net::HttpOptions options;
    options.ca_file = spec_.ca_file;
    return net::shared_http_client(system_clock(), options);
  }
  [[nodiscard]] std::string server() const override { return tenant_.server().url(); }
  [[nodiscard]] std::string server_ca() const override { return tenant_.server().ca_file(); }
  void go_through(const std::string& origin, const std::string& ca_file) override {
    spec_.endpoint = origin;
    spec_.ca_file = ca_file;
  }

 private:
  vault::OpenBaoServer& server_;
  vault::VaultTenant tenant_;
  KeySpec spec_;
};

std::unique_ptr<Customer> vault_customer(bool by_token) {
  if (!vault::OpenBaoServer::installed()) return nullptr;
  return std::make_unique<VaultCustomer>(by_token);
}

}  // namespace

std::unique_ptr<Customer> local_customer() {
  return std::make_unique<LocalCustomer>();
}
std::unique_ptr<Customer> vault_customer_by_approle() {
  return vault_customer(false);
}
std::unique_ptr<Customer> vault_customer_by_token() {
  return vault_customer(true);
}

}  // namespace keyhold::kms
