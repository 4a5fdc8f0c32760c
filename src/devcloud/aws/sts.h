// AWS STS (API version 2011-06-15, query protocol): AssumeRole, AssumeRoleWithWebIdentity,
// GetCallerIdentity.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "devcloud/aws/error.h"
#include "devcloud/aws/identity.h"
#include "devcloud/aws/state.h"

namespace keyhold::devcloud::aws {

struct StsCall {
  const Caller* caller;  // null: the request is not signed (AssumeRoleWithWebIdentity)
  const std::map<std::string, std::string>& form;
  const std::shared_ptr<const AwsState> state;
  const WallTime now;
};

// Thread-safe.
class Sts {
 public:
  // All of them outlive it.
  Sts(const Identity& identity, const Sealer& sealer) : identity_(&identity), sealer_(&sealer) {}

  // Whether the action is taken from anybody, without a signature.
  [[nodiscard]] static bool is_open(std::string_view action);
  // The XML inside <ActionResult>.
  [[nodiscard]] Answer<std::string> handle(const std::string& action, const StsCall& call) const;

  // A token as an identity provider of this cloud's own gives it: a JWT signed with HS256, which
  // AssumeRoleWithWebIdentity takes. `issuer` is a host name.
  [[nodiscard]] std::string web_identity_token(const std::string& issuer,
                                               const std::string& subject,
                                               const std::string& audience, WallTime expires) const;

 private:
  Answer<std::string> assume_role(const StsCall& call) const;
  Answer<std::string> assume_with_web_identity(const StsCall& call) const;
  Answer<std::string> session_xml(const Role& role, const StsCall& call, int seconds) const;
  struct WebIdentity;
  Answer<WebIdentity> verify(const std::string& token, WallTime now) const;

  const Identity* identity_;
  const Sealer* sealer_;
};

// The session that a role gives: lifetime and name checked.
Answer<int> session_seconds(const std::map<std::string, std::string>& form, const Role& role,
                            bool chained);

}  // namespace keyhold::devcloud::aws
