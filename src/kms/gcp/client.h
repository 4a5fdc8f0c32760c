// A key in Google Cloud KMS.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cloud/environment.h"
#include "cloud/gcp/token_source.h"
#include "crypto/random.h"
#include "kms/client.h"
#include "kms/gcp/grants.h"
#include "kms/gcp/messages/faults.h"
#include "kms/gcp/messages/requests.h"
#include "kms/gcp/uri.h"

namespace keyhold::kms {

// Faults: docs/kms/gcp.md. Requests go as the spec's principal, the customer's service account,
// which the cluster's own account impersonates; without a principal as the own account. A token of
// the principal is kept for unwrap, wrap and describe; a probe makes a new one. Google gives no
// request id: ours goes with the request as its reason, and Cloud Audit Logs keeps it.
class GcpClient final : public Client {
 public:
  // `environment` and `random` outlive the client; `clock` lives as long as the process
  // (connections are shared). Makes no request. Fault::configuration where the spec is not valid.
  static Result<std::unique_ptr<Client>> create(const KeySpec& spec,
                                                const cloud::Environment& environment,
                                                const Clock& clock, crypto::Random& random);

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
  Result<std::vector<Foretold>> foretell(const std::string& policy, const WrapContext& context,
                                         Deadline deadline) override;

 private:
  struct Parts {
    gcp::KeyName key;
    std::vector<std::string> chain;  // of principals; empty: the own account
    std::string endpoint;
  };
  // Whatever an answer of 200 holds, and under which request id it was asked.
  struct Answer {
    WipedString body;
    std::string request_id;
  };

  GcpClient(KeySpec spec, Parts parts, std::shared_ptr<net::HttpClient> http,
            const cloud::Environment& environment, const Clock& clock, crypto::Random& random);

  [[nodiscard]] gcp::Parties parties() const;
  [[nodiscard]] Result<void> check(const WrapContext* context, Deadline deadline) const;
  Result<cloud::gcp::AccessToken> log_in(Deadline deadline);
  Result<WipedString> token(Deadline deadline, bool* kept);
  // One request with this token.
  template <typename Make>
  Result<Answer> send(gcp::Step step, const WipedString& token, Deadline deadline, Make make,
                      bool* stale);
  // The same with the kept token, and again with a new one where the kept one was refused.
  template <typename Make>
  Result<Answer> ask(gcp::Step step, Deadline deadline, Make make);

  const KeySpec spec_;
  const Parts parts_;
  const std::shared_ptr<net::HttpClient> http_;
  cloud::gcp::TokenSource source_;
  const Clock* clock_;
  crypto::Random* random_;
  std::mutex mutex_;
  WipedString token_;
  BootTime use_until_;  // before boot: no token is kept
};

}  // namespace keyhold::kms
