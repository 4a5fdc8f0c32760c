// What in Google Cloud is done with IAM and the console, and what only the maker of a cloud can do:
// the admin API's commands.
//
//   account               email [project]            credentials file's members
//   set-account           email disabled
//   delete-account        email                      its keys and grants on it too
//   delete-account-key    email                      assertions signed with it are refused
//   user                  email                      an authorized user's credentials
//   set-user              email revoked
//   provider              name issuer                a provider of a workload identity pool
//   subject-token         provider subject seconds [audience] [issuer]   token
//   set-instance-account  email                      whom the metadata server gives tokens for
//   set-policy            resource bindings
//   grant, revoke         resource role member
//   token                 email [scope] [seconds]    access_token, without any login
//   ring                  name
//   key                   key operation [version]    disable, enable, destroy, restore (without a
//                                                    version: all that can be), rotate, set-primary
//   setup                 [name] [location]          all that a Keyhold cluster needs
//   list                                             accounts, policies, keys
//
// A resource is a project, key ring, key, or "serviceAccounts/EMAIL". Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/gcp/identity.h"
#include "devcloud/gcp/kms.h"
#include "devcloud/gcp/oauth.h"
#include "devcloud/service.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::gcp {

class Administration {
 public:
  // All of them outlive it.
  Administration(Versions<State>& versions, const Identity& identity, const Oauth& oauth,
                 const Kms& kms, const Shared& shared)
      : versions_(&versions), identity_(&identity), oauth_(&oauth), kms_(&kms), shared_(shared) {}

  void set_endpoints(const Endpoints& endpoints);
  // Code::not_found for an unknown command or name, Code::already_exists, Code::invalid_argument.
  Result<std::string> run(std::string_view command, std::string_view arguments) const;

 private:
  using Json = nlohmann::json;
  using Command = Result<Json> (Administration::*)(const Json&) const;
  static const std::map<std::string, Command, std::less<>>& commands();

  Result<Json> account(const Json& given) const;
  Result<Json> set_account(const Json& given) const;
  Result<Json> delete_account(const Json& given) const;
  Result<Json> delete_account_key(const Json& given) const;
  Result<Json> user(const Json& given) const;
  Result<Json> set_user(const Json& given) const;
  Result<Json> provider(const Json& given) const;
  Result<Json> subject_token(const Json& given) const;
  Result<Json> set_instance_account(const Json& given) const;
  Result<Json> set_policy(const Json& given) const;
  Result<Json> grant(const Json& given) const;
  Result<Json> revoke(const Json& given) const;
  Result<Json> token(const Json& given) const;
  Result<Json> list(const Json& given) const;
  // setup.cc
  Result<Json> ring(const Json& given) const;
  Result<Json> key(const Json& given) const;
  Result<Json> setup(const Json& given) const;
  Result<Json> kms(const std::string& http, const std::string& path,
                   const std::map<std::string, std::string>& query, const Json& body) const;

  Result<Json> set_granted(const Json& given, bool granted) const;
  [[nodiscard]] Endpoints endpoints() const;

  Versions<State>* versions_;
  const Identity* identity_;
  const Oauth* oauth_;
  const Kms* kms_;
  Shared shared_;
  mutable std::mutex mutex_;
  Endpoints endpoints_;
};

}  // namespace keyhold::devcloud::gcp
