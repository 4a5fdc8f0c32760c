// A key in the transit engine of HashiCorp Vault or OpenBao.
#pragma once

#include <memory>
#include <string>

#include "cloud/environment.h"
#include "kms/client.h"
#include "kms/vault/session.h"

namespace keyhold::kms {

// Faults: docs/kms/vault.md. wrap reads the key first, so that nothing is wrapped under a key that
// does not authenticate the context, and no policy can make Vault create a missing one. A refusal
// has no request id: Vault gives none. Vault checks policies at every request; a probe with any
// method but `token` logs in anew and ends its token afterwards.
class VaultClient final : public Client {
 public:
  // `environment` outlives the client; `clock` lives as long as the process (connections are
  // shared). Makes no request. Fault::configuration where the spec is not valid.
  static Result<std::unique_ptr<Client>> create(const KeySpec& spec,
                                                const cloud::Environment& environment,
                                                const Clock& clock);

  [[nodiscard]] const KeySpec& spec() const override { return spec_; }
  Result<WrappedKey> wrap(const crypto::Key256& key, const WrapContext& context,
                          Deadline deadline) override;
  Result<UnwrappedKey> unwrap(ByteView ciphertext, const WrapContext& context,
                              Deadline deadline) override;
  Result<KeyDescription> describe(Deadline deadline) override;
  Result<std::string> probe(ByteView ciphertext, const WrapContext& context,
                            Deadline deadline) override;

  std::vector<LoginStep> walk_logins(Deadline deadline) override;
  [[nodiscard]] std::vector<Grant> grants() const override;
  // HCL or JSON; policies with parameters or templates are not judged.
  Result<std::vector<Foretold>> foretell(const std::string& policy, const WrapContext& context,
                                         Deadline deadline) override;

 private:
  VaultClient(KeySpec spec, vault::KeyLocation key, std::unique_ptr<vault::Session> session,
              const Clock& clock);

  // `work(token)` with the kept token, and again with a new one where the kept one was refused.
  template <typename T, typename Work>
  Result<T> with_token(Deadline deadline, Work work);
  [[nodiscard]] Result<void> check(const WrapContext* context, Deadline deadline) const;
  // The refusal of a token that we did not make: it may have ended, or been taken away.
  Error judge(Error refusal, const WipedString& token, Deadline deadline);
  Result<vault::TransitKey> read_key(const WipedString& token, Deadline deadline);
  Result<UnwrappedKey> decrypt(const WipedString& token, const vault::Ciphertext& ciphertext,
                               const WrapContext& context, Deadline deadline);

  KeySpec spec_;
  vault::KeyLocation key_;
  std::unique_ptr<vault::Session> session_;
  const Clock* clock_;
};

}  // namespace keyhold::kms
