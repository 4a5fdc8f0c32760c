// keyhold store …: one maker a command, each in a file of its own.
#pragma once

#include "cli/command.h"

namespace keyhold::cli {

Command store_init_command();
Command store_status_command();
Command store_verify_command();
Command store_inspect_command();
Command store_cat_command();
Command store_rotate_command();
Command store_rewrap_command();
Command store_policy_command();
Command store_reencrypt_command();
Command store_coverage_command();
Command store_shred_command();
Command store_seal_command();
Command store_unseal_command();
Command store_upgrade_command();
Command store_accept_rollback_command();

}  // namespace keyhold::cli
