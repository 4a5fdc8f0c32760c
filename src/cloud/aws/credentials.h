// An access key of AWS: what a request is signed with. (IAM User Guide, "Temporary security
// credentials in IAM".)
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/wiped_string.h"

namespace keyhold::cloud::aws {

struct Credentials {
  std::string access_key_id;
  WipedString secret_access_key;
  WipedString session_token;           // empty: long-lived
  std::optional<WallTime> expires_at;  // nothing: they do not expire by themselves
};

}  // namespace keyhold::cloud::aws
