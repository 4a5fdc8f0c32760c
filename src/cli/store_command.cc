#include "cli/commands.h"
#include "cli/store_commands.h"

namespace keyhold::cli {

Command store_command() {
  Command command;
  command.name = "store";
  command.summary = "Make, watch, check and re-key an encrypted store";
  command.paragraphs = {
      "A command that needs the store's keys asks the process that holds them (the host: an engine "
      "with the plugin, an agent) over STORE/.keyhold/control.sock, or becomes the host itself "
      "while it runs when there is none."};
  command.subcommands = {
      store_init_command(),    store_status_command(),    store_verify_command(),
      store_inspect_command(), store_cat_command(),       store_rotate_command(),
      store_rewrap_command(),  store_reencrypt_command(), store_coverage_command(),
      store_shred_command(),   store_policy_command(),    store_seal_command(),
      store_unseal_command(),  store_upgrade_command(),   store_accept_rollback_command()};
  return command;
}

}  // namespace keyhold::cli
