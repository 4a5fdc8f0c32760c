// The Google Cloud of this cloud: OAuth's token endpoint, IAM Service Account Credentials and Cloud
// KMS (v1, REST) behind one set of service accounts and IAM policies.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include "devcloud/service.h"
#include "devcloud/versions.h"

namespace keyhold::devcloud::gcp {

// google.rpc.Status, as Google's REST answers have it.
struct GcpError {
  int code = 400;
  std::string status = "INVALID_ARGUMENT";
  std::string message;
  std::string details = {};  // a JSON array; empty: none
};

template <typename T>
using Answer = tl::expected<T, GcpError>;

inline tl::unexpected<GcpError> refuse(int code, std::string status, std::string message) {
  return tl::unexpected(GcpError{code, std::move(status), std::move(message)});
}
tl::unexpected<GcpError> refuse(int code, std::string status, std::string message,
                                const nlohmann::json& details);
inline tl::unexpected<GcpError> invalid(std::string message) {
  return refuse(400, "INVALID_ARGUMENT", std::move(message));
}

// The state, one document:
//   accounts  EMAIL → {project, disabled, keys: KEY ID → public key (PEM)}
//   policies  RESOURCE → {bindings: [{role, members}]}; of projects, key rings, keys, and accounts
//             as "serviceAccounts/EMAIL"
//   rings     NAME → {created}
//   keys      NAME → {purpose, created, primary, versions: N → {state, created, destroy?, wrapped?}}
// Times are milliseconds since the epoch; key material is wrapped by the Sealer.
using State = nlohmann::json;

// What one request to Cloud KMS says.
struct KmsCall {
  std::string method;
  std::string name;  // of the resource: without "/v1/" and verb
  std::string verb;  // behind the last ':'
  std::map<std::string, std::string> query;
  const nlohmann::json& body;
  std::string principal;  // who asks: an email
  bool wrong_key = false;
};

// Whether `member` has one of the roles that hold `permission`, on the resource or above it.
bool allows(const State& state, const std::string& principal, const std::string& permission,
            const std::string& resource);
Answer<void> check_allowed(const State& state, const std::string& principal,
                           const std::string& permission, const std::string& resource);

class Gcp final : public Service {
 public:
  // Code::integrity where the saved state is damaged.
  static Result<std::unique_ptr<Service>> open(const Shared& shared);
  ~Gcp() override;

  [[nodiscard]] std::string_view name() const override { return "gcp"; }
  [[nodiscard]] bool takes(const net::HttpCall& call) const override;
  net::HttpAnswer answer(const net::HttpCall& call) override;
  Result<std::string> administer(std::string_view command, std::string_view arguments) override;
  [[nodiscard]] std::map<std::string, std::string> exports(
      const Endpoints& endpoints) const override;

 private:
  using Json = nlohmann::json;

  Gcp(const Shared& shared, State state);

  // tokens.cc
  net::HttpAnswer give_token(const net::HttpCall& call);
  [[nodiscard]] Result<std::string> new_token(const std::string& email,
                                              std::chrono::seconds lifetime) const;
  [[nodiscard]] Answer<std::string> principal_of(const net::HttpCall& call,
                                                 const State& state) const;
  Answer<Json> impersonate(const net::HttpCall& call, std::string& who) const;
  // kms.cc
  Answer<Json> kms(const KmsCall& call, const State& state);
  Answer<Json> encrypt(const KmsCall& call, const State& state) const;
  Answer<Json> decrypt(const KmsCall& call, const State& state) const;
  Answer<Json> change(const KmsCall& call);
  Answer<Json> edit(const KmsCall& call, State& state) const;
  Answer<Json> create(const KmsCall& call, State& state) const;
  Answer<Json> new_version() const;
  void end_due_versions();

  [[nodiscard]] bool keep(const std::string& service, const std::string& method,
                          const std::string& resource, const std::string& principal,
                          const GcpError* error) const;
  [[nodiscard]] std::int64_t now_ms() const;

  Shared shared_;
  std::unique_ptr<Versions<State>> versions_;
};

}  // namespace keyhold::devcloud::gcp
