// The principal that AWS KMS is asked as: the customer's role, "arn:aws:iam::ACCOUNT:role/NAME", or
// a chain of roles that lead to it, separated by commas, each but the last with
// ";external_id=ID" where its trust policy wants another external id than the organization's. (IAM
// User Guide, "The confused deputy problem"; AWS STS API Reference, AssumeRole.)
//
// The last role, the customer's, is always assumed with the organization's id as external id, and
// nothing in a key spec can change that: so that no organization can make us use another's role.
//
// Sans-I/O; thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "cloud/aws/source.h"

namespace keyhold::kms::aws {

// At most 4 roles; none where the text is empty. Code::invalid_argument; the message says how a
// valid principal looks, or that an organization's id is missing or cannot be an external id.
keyhold::Result<std::vector<cloud::aws::RoleHop>> parse_principal(std::string_view text,
                                                                  const OrgId& org);

}  // namespace keyhold::kms::aws
