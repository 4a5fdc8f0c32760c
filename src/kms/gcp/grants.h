// What a customer's Google Cloud has to grant for Keyhold, as commands to paste, and what an
// allow policy that is only proposed would do. (Google Cloud: IAM, "Allow policies"; Cloud KMS,
// "Permissions and roles".) Sans-I/O; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "kms/client.h"

namespace keyhold::kms::gcp {

// Who takes part. `own` is the email of the cluster's own service account; empty: not known.
struct Parties {
  std::vector<std::string> chain;  // delegates, then the customer's; empty: the own account asks
  std::string own;
  std::string key;  // projects/…/cryptoKeys/K
};

// REQUIRES: the chain is not empty.
std::vector<Grant> login_grants(const Parties& parties);
std::vector<Grant> key_grants(const Parties& parties);

// An allow policy as `gcloud … get-iam-policy --format=json` writes it: of the key, or (where it
// binds a role of IAM's) of the customer's service account. Predefined roles alone are known; a
// binding to a group or with a condition depends on what only Google knows. Fault::configuration
// where it is no such document.
Result<std::vector<Foretold>> foretell(const std::string& policy, const Parties& parties);

}  // namespace keyhold::kms::gcp
