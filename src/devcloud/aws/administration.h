// What in AWS is done with IAM and Organizations, and what only the maker of a cloud can do: the
// admin API's commands for accounts, users, roles, policies, access keys and sessions.
//
//   create-account       name [id]                         account, root credentials
//   create-user          account name [policy]             arn
//   create-access-key    principal (a user's or a root's ARN)   access_key_id, secret_access_key
//   set-access-key       access_key_id active
//   create-role          account name trust [policy] [max_session_seconds]   arn
//   put-trust            role trust
//   put-policy           principal name document
//   delete-policy        principal name
//   delete-role          role
//   set-instance-role    role [region]                     what the metadata service hands out
//   issue-session        role name seconds                 credentials of any lifetime
//   web-identity-token   issuer subject audience seconds   token
//   kms                  account region operation [input]  a KMS operation as the account's root
//   key                  key operation [input]             the same, on the key of that ARN
//   setup                org [name] [region] [replicas]    all that a Keyhold cluster needs
//   list                                                    accounts, users, roles, keys
//
// Policies and trusts are documents (objects) or texts. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "devcloud/aws/identity.h"
#include "devcloud/aws/kms.h"
#include "devcloud/aws/state.h"
#include "devcloud/aws/sts.h"
#include "devcloud/service.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::aws {

class Administration {
 public:
  // All of them outlive it.
  Administration(Versions<AwsState>& versions, const Identity& identity, const Kms& kms,
                 const Sts& sts, const Shared& shared)
      : versions_(&versions), identity_(&identity), kms_(&kms), sts_(&sts), shared_(shared) {}

  // Code::not_found for an unknown command or name, Code::already_exists, Code::invalid_argument
  // with AWS's own refusal in the message.
  Result<std::string> run(std::string_view command, std::string_view arguments) const;

 private:
  using Json = nlohmann::json;
  using Command = Result<Json> (Administration::*)(const Json&) const;
  static const std::map<std::string, Command, std::less<>>& commands();

  Result<Json> create_account(const Json& given) const;
  Result<Json> create_user(const Json& given) const;
  Result<Json> create_access_key(const Json& given) const;
  Result<Json> set_access_key(const Json& given) const;
  Result<Json> create_role(const Json& given) const;
  Result<Json> put_trust(const Json& given) const;
  Result<Json> put_policy(const Json& given) const;
  Result<Json> delete_policy(const Json& given) const;
  Result<Json> delete_role(const Json& given) const;
  Result<Json> set_instance_role(const Json& given) const;
  Result<Json> issue_session(const Json& given) const;
  Result<Json> web_identity_token(const Json& given) const;
  Result<Json> kms(const Json& given) const;
  Result<Json> key(const Json& given) const;
  Result<Json> list(const Json& given) const;
  // setup.cc
  Result<Json> setup(const Json& given) const;
  Result<std::string> account_named(const std::string& name) const;

  Result<Json> run_kms(const std::string& account, const std::string& region,
                       const std::string& operation, const Json& input) const;
  [[nodiscard]] WallTime now() const { return shared_.machine().clock.wall_now(); }

  Versions<AwsState>* versions_;
  const Identity* identity_;
  const Kms* kms_;
  const Sts* sts_;
  Shared shared_;
};

}  // namespace keyhold::devcloud::aws
