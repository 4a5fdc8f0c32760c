// What a customer's AWS account has to grant for Keyhold, as documents to paste, and what documents
// that are only proposed would do. (IAM User Guide, "The confused deputy problem", "Policy
// evaluation logic"; AWS KMS Developer Guide, "Key policies".) Sans-I/O; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cloud/aws/source.h"
#include "kms/client.h"

namespace keyhold::kms::aws {

// Who takes part. `own` is GetCallerIdentity's ARN of the cluster's own credentials; empty: not
// known.
struct Parties {
  std::vector<cloud::aws::RoleHop> roles;  // empty: the own principal asks KMS
  std::string own;
  std::string key_arn;
};

// Who assumes a role, by ARN (a session's too; empty: not known), needs two: the role's trust and
// an IAM policy of their own.
std::vector<Grant> login_grants(const cloud::aws::RoleHop& role, const std::string& who);
// A statement of the key policy.
std::vector<Grant> key_grants(const Parties& parties);

// A key's policy, the trust policy of the last role (a document that speaks of sts:AssumeRole), or
// an IAM policy of that role. Fault::configuration where it is none of them, or has elements that
// cannot be judged. What depends on things that only AWS knows says so.
Result<std::vector<Foretold>> foretell(const std::string& policy, const Parties& parties,
                                       const WrapContext& context);

}  // namespace keyhold::kms::aws
