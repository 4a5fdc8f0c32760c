#include "devcloud/aws/aws.h"
#include "devcloud/gcp/gcp.h"
#include "devcloud/service.h"
#include "devcloud/vault/vault.h"

namespace keyhold::devcloud {

Result<std::vector<std::unique_ptr<Service>>> make_services(const Shared& shared) {
  std::vector<std::unique_ptr<Service>> services;
  // Before AWS, which takes every form that is posted.
  KEYHOLD_TRY_ASSIGN(auto gcp, gcp::Gcp::open(shared));
  services.push_back(std::move(gcp));
  KEYHOLD_TRY_ASSIGN(auto vault, vault::Vault::open(shared));
  services.push_back(std::move(vault));
  KEYHOLD_TRY_ASSIGN(auto aws, aws::Aws::open(shared));
  services.push_back(std::move(aws));
  return services;
}

}  // namespace keyhold::devcloud
