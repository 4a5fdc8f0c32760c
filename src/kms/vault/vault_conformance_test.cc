// The suite of all providers: against the real OpenBao server, logged in by AppRole and by a token,
// and against whatever Vault the environment names (devcloud's, HashiCorp's):
//   KEYHOLD_TEST_VAULT_ADDR   https://host:port
//   KEYHOLD_TEST_VAULT_TOKEN  of an administrator, who may mount engines and auth methods
//   KEYHOLD_TEST_VAULT_CA     where its CA is not one of the system's
#include <array>

#include "cloud/environment.h"
#include "kms/kms_conformance.h"
#include "kms/vault/client.h"
#include "kms/vault/test_openbao.h"

namespace keyhold::kms {
namespace {

// OpenBao's nearest to a disabled key is a soft-deleted one; HashiCorp's Vault has none. A deletion
// has no date: it is at once.
class VaultAdapter final : public KmsAdapter {
 public:
  VaultAdapter(vault::VaultAdmin& server, bool by_token)
      : tenant_(server), principal_(by_token ? tenant_.token_file() : tenant_.approle()) {
    must("POST", "first");
    const auto read = server.must("GET", tenant_.path("first"));
    soft_deletes_ = read["data"].contains("soft_deleted");
  }

  [[nodiscard]] const Clock& clock() const override { return system_clock(); }
  KeySpec create_key(const std::string& name) override {
    must("POST", name);
    return tenant_.spec(name, principal_);
  }
  KeySpec missing_key() override { return tenant_.spec("missing", principal_); }
  void disable(const std::string& name) override { must("DELETE", name + "/soft-delete"); }
  void enable(const std::string& name) override { must("POST", name + "/soft-delete-restore"); }
  void rotate(const std::string& name) override { must("POST", name + "/rotate"); }
  void schedule_deletion(const std::string& name) override { doomed_ = name; }
  void cancel_deletion(const std::string&) override { doomed_.clear(); }
  void pass_deletion_date() override {
    tenant_.server().must("POST", tenant_.path(doomed_) + "/config", {{"deletion_allowed", true}});
    must("DELETE", doomed_);
  }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return VaultClient::create(spec, cloud::process_environment(), system_clock());
  }
  [[nodiscard]] std::string lacks(const std::string& test) const override {
    constexpr std::array<std::string_view, 2> kDated = {
        "KeyPendingDeletionRefusesUntilItIsCancelledAndEnabled", "DescribeTellsTheState"};
    constexpr std::array<std::string_view, 2> kDisabled = {
        "DisabledKeyRefusesUntilItIsEnabled", "AnotherClientOfTheKeyUnwrapsAndSeesItDisabled"};
    if (std::ranges::find(kDated, test) != kDated.end()) {
      return "Vault deletes at once: it has no pending deletion and no date";
    }
    if (!soft_deletes_ && std::ranges::find(kDisabled, test) != kDisabled.end()) {
      return "this Vault has no disabled key";
    }
    return {};
  }

 private:
  void must(const std::string& method, const std::string& what) {
    tenant_.server().must(method, tenant_.path(what));
  }

  vault::VaultTenant tenant_;
  std::string principal_;
  std::string doomed_;
  bool soft_deletes_ = false;
};

std::unique_ptr<KmsAdapter> openbao(bool by_token) {
  if (!vault::OpenBaoServer::installed()) return nullptr;
  return std::make_unique<VaultAdapter>(vault::OpenBaoServer::shared().admin(), by_token);
}
std::unique_ptr<KmsAdapter> openbao_by_approle() {
  return openbao(false);
}
std::unique_ptr<KmsAdapter> openbao_by_token() {
  return openbao(true);
}

std::unique_ptr<KmsAdapter> from_environment() {
  const auto& environment = cloud::process_environment();
  const std::string url = environment.get_or("KEYHOLD_TEST_VAULT_ADDR", "");
  if (url.empty()) return nullptr;
  static vault::VaultAdmin server(url, environment.get_or("KEYHOLD_TEST_VAULT_CA", ""),
                                  environment.get_or("KEYHOLD_TEST_VAULT_TOKEN", ""));
  return std::make_unique<VaultAdapter>(server, false);
}

INSTANTIATE_TEST_SUITE_P(OpenBaoAppRole, KmsConformance, testing::Values(&openbao_by_approle));
INSTANTIATE_TEST_SUITE_P(OpenBaoToken, KmsConformance, testing::Values(&openbao_by_token));
INSTANTIATE_TEST_SUITE_P(VaultOfEnvironment, KmsConformance, testing::Values(&from_environment));

}  // namespace
}  // namespace keyhold::kms
