// The command groups; each lives in a file of its own.
#pragma once

#include "cli/command.h"

namespace keyhold::cli {

Command kms_command();         // kms init, kms key …
Command audit_command();       // audit verify, tail, export
Command agent_command();       // agent
Command devcloud_command();    // devcloud, devcloud aws …
Command store_command();       // store init, status, verify …
Command config_command();      // config check
Command completion_command();  // completion bash|zsh|fish
Command complete_command();    // hidden: what the shells' scripts ask
Command man_command();         // hidden: writes the manual pages
Command version_command();

// `keyhold` with all of them.
Command root_command();

}  // namespace keyhold::cli
