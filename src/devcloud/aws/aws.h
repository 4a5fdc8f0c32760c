// The AWS of this cloud: KMS, STS and the metadata service behind one set of accounts.
//
// Every region is served at the one endpoint: a request's region is that of its signature's scope.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/aws/administration.h"
#include "devcloud/aws/identity.h"
#include "devcloud/aws/kms.h"
#include "devcloud/aws/metadata.h"
#include "devcloud/aws/state.h"
#include "devcloud/aws/sts.h"
#include "devcloud/service.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::aws {

class Aws final : public Service {
 public:
  // Code::integrity where the saved state is damaged.
  static Result<std::unique_ptr<Service>> open(const Shared& shared);

  [[nodiscard]] std::string_view name() const override { return "aws"; }
  [[nodiscard]] bool takes(const net::HttpCall& call) const override;
  net::HttpAnswer answer(const net::HttpCall& call) override;
  Result<std::string> administer(std::string_view command, std::string_view arguments) override;
  [[nodiscard]] std::map<std::string, std::string> exports(
      const Endpoints& endpoints) const override;

 private:
  Aws(const Shared& shared, AwsState state);

  struct Record;
  net::HttpAnswer answer_kms(const net::HttpCall& call);
  net::HttpAnswer answer_sts(const net::HttpCall& call);
  net::HttpAnswer answer_metadata(const net::HttpCall& call);
  Answer<nlohmann::json> run_kms(const net::HttpCall& call, Record& record,
                                 std::optional<Fault>& fault);
  Answer<std::string> run_sts(const net::HttpCall& call, Record& record,
                              std::optional<Fault>& fault);
  Answer<Caller> authenticate(const net::HttpCall& call, const AwsState& state,
                              const std::string& service, Protocol protocol,
                              std::string& region) const;
  // False where the record cannot be kept: then nothing was done, as far as the caller learns.
  bool keep(const Record& record) const;
  void end_due_keys();
  [[nodiscard]] WallTime now() const { return shared_.machine().clock.wall_now(); }

  Shared shared_;
  Versions<AwsState> versions_;
  Identity identity_;
  Kms kms_;
  Sts sts_;
  Metadata metadata_;
  Administration administration_;
};

}  // namespace keyhold::devcloud::aws
