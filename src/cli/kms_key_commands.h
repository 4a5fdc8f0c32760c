// keyhold kms …
#pragma once

#include "cli/command.h"

namespace keyhold::cli {

Command kms_check_command();
Command kms_key_command();
Command kms_key_log_command();

}  // namespace keyhold::cli
