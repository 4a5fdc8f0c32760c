#include "kms/client.h"

#include "cloud/environment.h"
#include "io/file_system.h"
#include "kms/aws/client.h"
#include "kms/gcp/client.h"
#include "kms/local/client.h"
#include "kms/vault/client.h"

namespace keyhold::kms {

std::vector<LoginStep> Client::walk_logins(Deadline) {
  return {};
}

std::vector<Grant> Client::grants() const {
  return {};
}

Result<std::vector<Foretold>> Client::foretell(const std::string&, const WrapContext&, Deadline) {
  return tl::unexpected(Error(Fault::configuration, "a KMS of type " +
                                                        std::string(key_type_name(spec().type)) +
                                                        " has no policies that could be judged"));
}

Result<std::unique_ptr<Client>> make_client(const KeySpec& spec, const Caller& caller,
                                            const Clock& clock, crypto::Random& random) {
  const cloud::Environment& environment = cloud::process_environment();
  switch (spec.type) {
    case KeyType::aws_kms:
      return AwsClient::create(spec, caller, environment, clock);
    case KeyType::gcp_cloud_kms:
      return GcpClient::create(spec, environment, clock, random);
    case KeyType::vault_transit:
      return VaultClient::create(spec, environment, clock);
    case KeyType::local:
      return LocalClient::create(spec, io::posix_file_system(), clock, random);
    default:
      return tl::unexpected(Error(Fault::configuration,
                                  "this build has no KMS of type " +
                                      std::string(key_type_name(spec.type)) +
                                      "; it has: AWS_KMS, GCP_CLOUD_KMS, VAULT_TRANSIT, LOCAL"));
  }
}

}  // namespace keyhold::kms
