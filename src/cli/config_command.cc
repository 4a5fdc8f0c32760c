#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/text_table.h"

namespace keyhold::cli {
namespace {

Json to_json(const ResolvedSetting& setting) {
  return Json::object()
      .set("name", setting.row->name)
      .set("value", setting.value)
      .set("source", setting.source);
}

Status check(Session& session, const std::string& file) {
  const std::string named = file.empty() ? session.settings_file : file;
  KEYHOLD_TRY_ASSIGN(const auto resolved, load_settings(session.setting_flags, named));
  const std::string& used = resolved.file;
  Json values = Json::array();
  Json problems = Json::array();
  std::vector<std::vector<std::string>> rows = {{"SETTING", "VALUE", "FROM"}};
  for (const ResolvedSetting& setting : resolved.values) {
    values.add(to_json(setting));
    rows.push_back({setting.row->name, printable(setting.value), setting.source});
  }
  std::string text = used.empty() ? "no settings file\n" : "settings file " + used + "\n";
  for (const SettingProblem& problem : resolved.problems) {
    problems.add(problem.sentence);
    text += "  problem: " + printable(problem.sentence) + "\n";
  }
  text += "\n" + text_table(rows);
  Json json = Json::object();
  json.set("file", used.empty() ? Json() : Json(used)).set("problems", problems);
  KEYHOLD_TRY(session.output.result(json.set("settings", values), text));
  if (resolved.problems.empty()) return {};
  const auto count = resolved.problems.size();
  return fail(Code::invalid_argument,
              fmt::format("{} {} in the settings", count, count == 1 ? "problem" : "problems"));
}

Command check_command() {
  const auto file = std::make_shared<std::string>();
  Command command;
  command.name = "check";
  command.summary = "Check keyhold.toml and show every setting, its value and where it comes from";
  command.paragraphs = {
      "Without FILE: the file that every command reads, which is --config, else KEYHOLD_CONFIG, "
      "else "
      "~/.config/keyhold/keyhold.toml, else /etc/keyhold/keyhold.toml. A flag goes before the "
      "environment, the environment before the file. An unknown setting is an error."};
  command.arguments = {path("FILE", "FILE", *file, "the settings file to check")};
  command.examples = {{"keyhold config check", ""},
                      {"keyhold config check ./keyhold.toml", "before installing it"}};
  command.json = {{"file", "the settings file, or null"},
                  {"problems", "a sentence for each"},
                  {"settings[].name", "as in keyhold.toml"},
                  {"settings[].value", "as text"},
                  {"settings[].source", "where it comes from"}};
  command.exit_statuses = {6};
  command.plain = true;
  command.run = [file](Session& session) { return check(session, *file); };
  return command;
}

}  // namespace

Command config_command() {
  Command command;
  command.name = "config";
  command.summary = "Check the process settings (keyhold.toml)";
  command.paragraphs = {
      "Every setting has a place in keyhold.toml, a variable of the environment and a flag. A flag "
      "goes before the environment, the environment before the file:"};
  std::vector<std::vector<std::string>> rows = {{"SETTING", "ENVIRONMENT", "FLAG", "DEFAULT"}};
  for (const SettingRow& row : setting_rows()) {
    rows.push_back({row.name, row.environment, row.flag, row.default_value});
  }
  command.listing = text_table(rows);
  command.examples = {{"keyhold config check", "what holds, and why"}};
  command.subcommands = {check_command()};
  return command;
}

}  // namespace keyhold::cli
