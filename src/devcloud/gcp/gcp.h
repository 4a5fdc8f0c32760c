// The Google Cloud of this cloud: OAuth's token endpoint, the Security Token Service, IAM Service
// Account Credentials, Cloud KMS (v1, REST) and the metadata server, behind one set of service
// accounts and IAM policies.
//
// To the fault panel: "oauth2", "gcp-sts" (operation "Token"), "iamcredentials"
// ("GenerateAccessToken"), "cloudkms" ("Encrypt" … as in Cloud Audit Logs), "gcp-metadata" ("GET").
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "devcloud/gcp/administration.h"
#include "devcloud/gcp/identity.h"
#include "devcloud/gcp/kms.h"
#include "devcloud/gcp/oauth.h"
#include "devcloud/service.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::gcp {

class Gcp final : public Service {
 public:
  // Code::integrity where the saved state is damaged.
  static Result<std::unique_ptr<Service>> open(const Shared& shared);

  [[nodiscard]] std::string_view name() const override { return "gcp"; }
  [[nodiscard]] bool takes(const net::HttpCall& call) const override;
  net::HttpAnswer answer(const net::HttpCall& call) override;
  Result<std::string> administer(std::string_view command, std::string_view arguments) override;
  [[nodiscard]] std::map<std::string, std::string> exports(
      const Endpoints& endpoints) const override;
  void listens(const Endpoints& endpoints) override;

 private:
  struct Record;

  Gcp(const Shared& shared, State state);
  net::HttpAnswer answer_oauth(const net::HttpCall& call, bool exchange);
  net::HttpAnswer answer_api(const net::HttpCall& call);
  net::HttpAnswer answer_metadata(const net::HttpCall& call);
  Answer<nlohmann::json> run_api(const net::HttpCall& call, Record& record,
                                 std::optional<Fault>& fault);
  [[nodiscard]] bool keep(const Record& record) const;

  Shared shared_;
  Versions<State> versions_;
  Identity identity_;
  Oauth oauth_;
  Kms kms_;
  Administration administration_;
};

}  // namespace keyhold::devcloud::gcp
