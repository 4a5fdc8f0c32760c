// The suite of all providers, against the real OpenBao server: logged in by AppRole, and by a
// token.
#include "cloud/environment.h"
#include "kms/kms_conformance.h"
#include "kms/vault/client.h"
#include "kms/vault/test_openbao.h"

namespace keyhold::kms {
namespace {

// OpenBao's nearest to a disabled key is a soft-deleted one. A deletion has no date: it is at once.
class OpenBaoAdapter final : public KmsAdapter {
 public:
  explicit OpenBaoAdapter(bool by_token)
      : tenant_(vault::OpenBaoServer::shared()),
        principal_(by_token ? tenant_.token_file() : tenant_.approle()) {}

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
    const bool dated = test == "KeyPendingDeletionRefusesUntilItIsCancelledAndEnabled" ||
                       test == "DescribeTellsTheState";
    return dated ? "OpenBao deletes at once: it has no pending deletion and no date" : "";
  }

 private:
  void must(const std::string& method, const std::string& what) {
    tenant_.server().must(method, tenant_.path(what));
  }

  vault::OpenBaoTenant tenant_;
  std::string principal_;
  std::string doomed_;
};

std::unique_ptr<KmsAdapter> by_approle() {
  if (!vault::OpenBaoServer::installed()) return nullptr;
  return std::make_unique<OpenBaoAdapter>(false);
}
std::unique_ptr<KmsAdapter> by_token() {
  if (!vault::OpenBaoServer::installed()) return nullptr;
  return std::make_unique<OpenBaoAdapter>(true);
}

INSTANTIATE_TEST_SUITE_P(OpenBaoAppRole, KmsConformance, testing::Values(&by_approle));
INSTANTIATE_TEST_SUITE_P(OpenBaoToken, KmsConformance, testing::Values(&by_token));

}  // namespace
}  // namespace keyhold::kms
