// Key policies as requests give them.
#pragma once

#include <string>

#include "devcloud/aws/kms.h"

namespace keyhold::devcloud::aws {

// What a key has whose maker gives no policy: the account decides by its IAM policies.
std::string default_key_policy(const std::string& account);

// The policy of the request or the default one, checked, its principals pinned; and, unless the
// request waives that, one that lets the caller change it again (the lockout safety check).
Answer<Policy> policy_for(const KmsCall& call, const std::string& account);

}  // namespace keyhold::devcloud::aws
