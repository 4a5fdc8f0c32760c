#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/kms_key_commands.h"
#include "cli/nesting.h"
#include "cli/session.h"
#include "kms/local/admin.h"

namespace keyhold::cli {
namespace {

Command init_command() {
  const auto target = std::make_shared<std::string>();
  Command command;
  command.name = "init";
  command.summary = "Make a software KMS of the customer's in a new or empty directory";
  command.paragraphs = {
      "The directory stands for the customer's cloud (key type LOCAL): whoever may read it may use "
      "its keys, whoever may write it administers them. Keep it away from the machine's database "
      "users and from the store's backups; inside a store it is refused."};
  command.arguments = {directory(*target, "where to make it")};
  command.examples = {{"keyhold kms init /srv/customer-kms", ""}};
  command.json = {{"directory", "the KMS"}};
  command.exit_statuses = {7};
  command.run = [target](Session& session) -> Status {
    KEYHOLD_TRY(refuse_inside_store_or_kms(*target));
    KEYHOLD_TRY_ASSIGN(const auto kms, kms::LocalKms::init(*target));
    return session.output.result(
        Json::object().set("directory", kms.directory()),
        fmt::format("made a software KMS in {0}\nmake a key: keyhold kms key create {0} NAME\n",
                    kms.directory()));
  };
  return command;
}

}  // namespace

Command kms_command() {
  Command command;
  command.name = "kms";
  command.summary = "Check a customer's key, and administer a software KMS (key type LOCAL)";
  command.subcommands = {kms_check_command(), init_command(), kms_key_command()};
  return command;
}

}  // namespace keyhold::cli
