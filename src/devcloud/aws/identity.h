// Who signed a request, and what that principal may do: credentials, sessions, and the decision
// over key policies, trust policies and IAM policies together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/wiped_string.h"
#include "cloud/aws/policy.h"
#include "crypto/random.h"
#include "devcloud/aws/error.h"
#include "devcloud/aws/signature.h"
#include "devcloud/aws/state.h"
#include "devcloud/sealer.h"
#include "net/http_server.h"

namespace keyhold::devcloud::aws {

using cloud::aws::judge_resource_policy;
using cloud::aws::PolicyRequest;
using cloud::aws::PolicyVerdict;
using cloud::aws::Principal;

struct Caller {
  Principal principal;
  std::string kind;     // as CloudTrail has it: "Root", "IAMUser", "AssumedRole"
  std::string user_id;  // as GetCallerIdentity has it
  std::string access_key_id;
  std::string session_policy;  // empty: none

  // The ARN that GetCallerIdentity and the error messages have.
  [[nodiscard]] const std::string& arn() const {
    return principal.session_arn.empty() ? principal.arn : principal.session_arn;
  }
  [[nodiscard]] bool is_root() const { return kind == "Root"; }
};

// A session of a role: all of it is in its token, sealed; nothing is stored.
struct RoleSession {
  std::string role_arn;
  std::string role_id;
  std::string name;
  WallTime expires;
  std::string policy;  // of the session; empty: none
};

struct Credentials {
  std::string access_key_id;
  WipedString secret_access_key;
  std::string session_token;  // empty for an access key
  WallTime expires;
};

// Thread-safe; sans-I/O.
class Identity {
 public:
  // Both outlive it.
  Identity(const Sealer& sealer, crypto::Random& random) : sealer_(&sealer), random_(&random) {}

  // "AKIA…", "ASIA…", "AIDA…", "AROA…": the prefix and 16 characters.
  [[nodiscard]] std::string make_id(std::string_view prefix) const;
  // The secret of an access key: it follows from the id, for this cloud alone.
  [[nodiscard]] WipedString secret_of(std::string_view access_key_id) const;
  [[nodiscard]] Result<Credentials> issue(const RoleSession& session) const;

  // Signature, clock, session: the caller, or the refusal in the protocol's words.
  [[nodiscard]] Answer<Caller> authenticate(const AwsState& state, const net::HttpCall& call,
                                            const Authorization& authorization, WallTime now,
                                            Protocol protocol) const;

 private:
  [[nodiscard]] Answer<Caller> caller_of(const AwsState& state, const net::HttpCall& call,
                                         const Authorization& authorization, WallTime now,
                                         Protocol protocol) const;
  [[nodiscard]] std::optional<RoleSession> session_of(const std::string& token,
                                                      const std::string& access_key_id) const;

  const Sealer* sealer_;
  crypto::Random* random_;
};

// How a request came out, and by which kind of policy: the words of AWS's own refusals.
struct Decision {
  bool allowed = false;
  std::string reason;  // "because no identity-based policy allows the kms:Decrypt action"
};

// What policies on the principal alone say; a session whose role was deleted has none left.
PolicyVerdict judge_identity(const AwsState& state, const Caller& caller,
                             const PolicyRequest& request);

// A resource with a policy of its own, owned by `owner`: in the owner's account the resource's
// policy is enough where it names the principal, and opens the door to IAM policies where it names
// the account; from another account both sides must allow. An explicit deny always wins.
Decision decide(const AwsState& state, const Caller& caller, const PolicyRequest& request,
                const Policy& resource_policy, const std::string& owner);
// Without a resource's policy: CreateKey, ListKeys.
Decision decide_by_identity(const AwsState& state, const Caller& caller,
                            const PolicyRequest& request);

// Condition keys that every request has: aws:PrincipalArn, aws:PrincipalAccount,
// aws:SecureTransport, aws:username.
std::multimap<std::string, std::string> global_context(const Caller& caller);

// Refused with `code` ("MalformedPolicyDocumentException") where such a policy cannot be saved.
Answer<void> check_policy(const std::string& text, bool on_resource, const std::string& code);
// A policy about to be saved on a resource: checked, its principals found and pinned.
Answer<Policy> pin_policy(const AwsState& state, const std::string& text, const std::string& code);

}  // namespace keyhold::devcloud::aws
