// A key in AWS KMS.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "cloud/environment.h"
#include "kms/aws/grants.h"
#include "kms/aws/session.h"
#include "kms/aws/uri.h"
#include "kms/client.h"

namespace keyhold::kms {

// Faults: docs/kms/aws.md. A wrap is DescribeKey and Encrypt (Encrypt does not say which key
// material it took), an unwrap one Decrypt, a probe one Decrypt after a new AssumeRole into the
// customer's role. Where the key has replicas, an outage of one region leads to the next, each with
// its share of the time, and the one that answers goes first for a minute; else all but a probe are
// sent once more. A denial is final. KMS has ReEncrypt for rewraps; this seam has none: a rewrap is
// an unwrap and a wrap.
class AwsClient final : public Client {
 public:
  // `environment` outlives the client; `clock` lives as long as the process (connections are
  // shared). Makes no request. Fault::configuration where the spec is not valid, or names a role
  // and the caller has no organization.
  static Result<std::unique_ptr<Client>> create(const KeySpec& spec, const Caller& caller,
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
  // Asks STS who we are, where walk_logins() did not, and KMS which key an alias stands for.
  Result<std::vector<Foretold>> foretell(const std::string& policy, const WrapContext& context,
                                         Deadline deadline) override;

 private:
  AwsClient(KeySpec spec, aws::KeyLocation key, std::vector<std::string> regions, bool fips,
            std::unique_ptr<aws::Session> session, const Clock& clock);

  // What a request is about: one region's replica of the key.
  struct Target {
    std::string region;
    std::string endpoint;
    std::string arn;
  };
  struct Described {
    aws::KeyMetadata key;
    std::string request_id;
  };

  [[nodiscard]] aws::Parties parties() const;
  [[nodiscard]] Target target(std::size_t region) const;
  // `work(target, deadline)` in the first region, and once more where that is an outage.
  template <typename T, typename Work>
  Result<T> in_regions(aws::Credentials with, Deadline deadline, Work work);
  std::size_t first_region();
  void prefer(std::size_t region);

  [[nodiscard]] Result<void> check(const WrapContext& context) const;
  [[nodiscard]] Result<void> check_answer(const Target& target, std::string_view key_arn,
                                          const std::string& request_id) const;
  Result<Described> describe_in(const Target& target, Deadline deadline);
  Result<WrappedKey> wrap_in(const Target& target, const crypto::Key256& key,
                             const WrapContext& context, Deadline deadline);
  Result<UnwrappedKey> unwrap_in(const Target& target, ByteView ciphertext,
                                 const WrapContext& context, aws::Credentials with,
                                 Deadline deadline);
  Result<UnwrappedKey> unwrap_with(aws::Credentials with, ByteView ciphertext,
                                   const WrapContext& context, Deadline deadline);

  KeySpec spec_;
  const aws::KeyLocation key_;
  const std::vector<std::string> regions_;  // the nearest first
  const bool fips_;
  const std::unique_ptr<aws::Session> session_;
  const Clock* clock_;
  std::mutex mutex_;
  std::size_t preferred_ = 0;  // of regions_, until then
  BootTime preferred_until_;
};

}  // namespace keyhold::kms
