// What the commands of `keyhold store policy` share.
#pragma once

#include <string>

#include "cli/session.h"
#include "host/policy_file.h"
#include "host/store_keys.h"

namespace keyhold::cli {

Command store_policy_edit_command();

// Makes `text` the policy in place of `current`, and tells what changed and how soon a denial
// seals, with a warning where that is later than promised.
Status change_policy(Session& session, host::StoreKeys& keys, const host::LoadedPolicy& current,
                     const std::string& text);

}  // namespace keyhold::cli
