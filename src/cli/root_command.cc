#include "cli/commands.h"

namespace keyhold::cli {

Command root_command() {
  Command command;
  command.name = "keyhold";
  command.summary = "Customer-managed encryption keys for database clusters";
  command.paragraphs = {
      "A store is a directory that a database engine writes into; every byte in it is encrypted. "
      "Its "
      "keys hang from one key in the customer's KMS (the CMEK): the CMEK wraps the KEK, the KEK "
      "wraps the DEKs, a DEK gives every file its own key. Whoever takes the CMEK away takes the "
      "data away, and gives it back with it."};
  command.json = {{"(errors)", "on standard error, one object a line"},
                  {"error.code", "denied, unavailable, integrity, not_found, busy ..."},
                  {"error.message", "what went wrong"},
                  {"error.hint", "what to do about it, or null"},
                  {"log.level, log.message", "an event, while it works"}};
  command.subcommands = {kms_command(),        store_command(),    agent_command(),
                         devcloud_command(),   audit_command(),    config_command(),
                         completion_command(), complete_command(), man_command(),
                         version_command()};
  command.examples = {
      {"keyhold kms init /srv/customer-kms", "a software KMS to try it with"},
      {"keyhold kms key create /srv/customer-kms orders", ""},
      {"keyhold store init /srv/store --kms-uri local:///srv/customer-kms/orders", "a store"},
      {"keyhold store status /srv/store", ""}};
  return command;
}

}  // namespace keyhold::cli
