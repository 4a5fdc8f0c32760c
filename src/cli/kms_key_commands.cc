#include "cli/kms_key_commands.h"

#include <fmt/core.h>

#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include "kms/local/admin.h"

namespace keyhold::cli {
namespace {

using kms::LocalKeyInfo;
using kms::LocalKeyState;
using kms::LocalKms;

struct Arguments {
  std::string kms;
  std::string name;
  int days = 30;
};

Json to_json(const LocalKeyInfo& key) {
  Json json = Json::object();
  json.set("name", key.name).set("uri", key.uri.str());
  if (!key.damage.empty()) return json.set("state", "damaged").set("damage", key.damage);
  json.set("state", kms::state_name(key.state));
  json.set("primary_version", key.primary_version).set("versions", key.version_count);
  json.set("created", key.created);
  return json.set("deletion_date", key.deletion_date ? Json(*key.deletion_date) : Json());
}

// What to_json prints, of one key or of each in a list.
std::vector<JsonField> key_fields(const std::string& prefix) {
  return {{prefix + "name", "the key's name"},
          {prefix + "uri", "what --kms-uri takes"},
          {prefix + "state", "enabled, disabled, pending_deletion, destroyed or damaged"},
          {prefix + "primary_version", "the version that wraps; 0 where destroyed"},
          {prefix + "versions", "how many there are"},
          {prefix + "created", "when it was made"},
          {prefix + "deletion_date", "when it is or was destroyed, or null"}};
}

using Action = std::function<Result<LocalKeyInfo>(LocalKms&, const Arguments&)>;
using Sentence = std::function<std::string(const LocalKeyInfo&, const Arguments&)>;

// A command that changes one key.
Command change(std::string name, std::string summary, const Action& action,
               const Sentence& sentence) {
  const auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = std::move(name);
  command.summary = std::move(summary);
  command.arguments = {directory(arguments->kms, "the KMS's directory"),
                       required(text("NAME", "NAME", arguments->name, "the key's name"))};
  command.json = key_fields("");
  command.exit_statuses = {4, 5, 6, 7};
  command.examples = {
      {fmt::format("keyhold kms key {} /srv/customer-kms orders", command.name), ""}};
  if (command.name == "schedule-deletion") {
    command.arguments.push_back(number("--days", "DAYS", arguments->days,
                                       "destroy it after this many days (1 to 365, default 30)"));
  }
  command.run = [arguments, action, sentence](Session& session) -> Status {
    KEYHOLD_TRY_ASSIGN(auto kms, LocalKms::open(arguments->kms));
    KEYHOLD_TRY_ASSIGN(const auto key, action(kms, *arguments));
    return session.output.result(to_json(key), sentence(key, *arguments) + "\n");
  };
  return command;
}

Command create_command() {
  Command command = change(
      "create", "Make a key and print its URI",
      [](LocalKms& kms, const Arguments& given) { return kms.create_key(given.name); },
      [](const LocalKeyInfo& key, const Arguments&) { return key.uri.str(); });
  command.paragraphs = {"A name is given once: a URI means one key for ever."};
  return command;
}

Command enable_command() {
  Command command = change(
      "enable", "Give a disabled key back to its users",
      [](LocalKms& kms, const Arguments& given) { return kms.enable(given.name); },
      [](const LocalKeyInfo& key, const Arguments&) { return key.name + " is enabled"; });
  command.paragraphs = {"Every host sees it with its next request; nothing was lost meanwhile."};
  return command;
}

Command disable_command() {
  Command command = change(
      "disable", "Take a key away: every use is denied from now on",
      [](LocalKms& kms, const Arguments& given) { return kms.disable(given.name); },
      [](const LocalKeyInfo& key, const Arguments&) {
        return key.name + " is disabled: every use is denied from now on";
      });
  command.paragraphs = {"Undo it with 'keyhold kms key enable'."};
  return command;
}

Command rotate_command() {
  Command command = change(
      "rotate", "Make a new version of a key, which wraps from now on",
      [](LocalKms& kms, const Arguments& given) { return kms.rotate(given.name); },
      [](const LocalKeyInfo& key, const Arguments&) {
        return fmt::format("{}: version {} wraps from now on", key.name, key.primary_version);
      });
  command.paragraphs = {
      "Older versions go on unwrapping what they wrapped. A running host wraps its KEK again "
      "within "
      "the hour by itself; 'keyhold store rewrap' does it at once."};
  return command;
}

Command schedule_command() {
  Command command = change(
      "schedule-deletion", "Deny a key now and destroy it for ever after a while",
      [](LocalKms& kms, const Arguments& given) {
        return kms.schedule_deletion(given.name, given.days);
      },
      [](const LocalKeyInfo& key, const Arguments& given) {
        return fmt::format(
            "{} is denied from now on and will be destroyed on {}\nundo: keyhold kms key "
            "cancel-deletion {} {}",
            key.name, format_time(*key.deletion_date), given.kms, key.name);
      });
  command.paragraphs = {"What hangs from a destroyed key is lost for ever, for everybody."};
  return command;
}

Command cancel_command() {
  return change(
      "cancel-deletion", "Call a scheduled deletion off; the key is disabled afterwards",
      [](LocalKms& kms, const Arguments& given) { return kms.cancel_deletion(given.name); },
      [](const LocalKeyInfo& key, const Arguments& given) {
        return fmt::format(
            "{0} will not be deleted; it is disabled\ngive it back: keyhold kms key enable {1} {0}",
            key.name, given.kms);
      });
}

std::vector<std::string> to_row(const LocalKeyInfo& key) {
  if (!key.damage.empty()) return {key.name, "damaged: " + key.damage};
  const bool lives = key.state != LocalKeyState::destroyed;
  return {key.name,
          std::string(kms::state_name(key.state)),
          lives ? std::to_string(key.version_count) : "-",
          lives ? std::to_string(key.primary_version) : "-",
          format_time(key.created),
          key.deletion_date ? format_time(*key.deletion_date) : "-"};
}

Command list_command() {
  const auto kms_directory = std::make_shared<std::string>();
  Command command;
  command.name = "list";
  command.summary = "List the keys of a software KMS with their states";
  command.arguments = {directory(*kms_directory, "the KMS's directory")};
  command.json = key_fields("keys[].");
  command.json.push_back({"keys[].damage", "why it cannot be read; only where damaged"});
  command.exit_statuses = {4, 6};
  command.examples = {{"keyhold kms key list /srv/customer-kms", ""}};
  command.run = [kms_directory](Session& session) -> Status {
    KEYHOLD_TRY_ASSIGN(auto kms, LocalKms::open(*kms_directory));
    KEYHOLD_TRY_ASSIGN(const auto keys, kms.list());
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows = {
        {"NAME", "STATE", "VERSIONS", "PRIMARY", "CREATED", "DELETION"}};
    for (const LocalKeyInfo& key : keys) {
      json.add(to_json(key));
      rows.push_back(to_row(key));
    }
    return session.output.result(Json::object().set("keys", json),
                                 keys.empty() ? "no keys\n" : text_table(rows));
  };
  return command;
}

}  // namespace

Command kms_key_command() {
  Command command;
  command.name = "key";
  command.summary = "Make, disable, rotate and watch the keys of a software KMS";
  command.subcommands = {create_command(), list_command(),       disable_command(),
                         enable_command(), rotate_command(),     schedule_command(),
                         cancel_command(), kms_key_log_command()};
  return command;
}

}  // namespace keyhold::cli
