#include "devcloud/aws/aws.h"
#include "devcloud/service.h"

namespace keyhold::devcloud {

Result<std::vector<std::unique_ptr<Service>>> make_services(const Shared& shared) {
  std::vector<std::unique_ptr<Service>> services;
  KEYHOLD_TRY_ASSIGN(auto aws, aws::Aws::open(shared));
  services.push_back(std::move(aws));
  return services;
}

}  // namespace keyhold::devcloud
