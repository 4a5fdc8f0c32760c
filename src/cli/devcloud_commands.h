// `keyhold devcloud …`: the groups, and how a command of a service's admin API becomes one of ours.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"

namespace keyhold::cli {

Command devcloud_aws_command();                  // aws setup, create-role, key-disable …
Command devcloud_gcp_command();                  // gcp setup, iam-grant, key-disable …
Command devcloud_vault_command();                // vault setup, policy-revoke …
std::vector<Command> devcloud_panel_commands();  // fault, propagation, log

// A value of an admin command: an option or a positional argument, and the JSON member it becomes.
struct AdminParameter {
  enum class Kind : std::uint8_t { text, number, texts, document, yes };

  std::string name;    // "--account", or in capitals a positional: "NAME"
  std::string value;   // stands for it in the help; empty with Kind::yes
  std::string member;  // "account"
  std::string help;
  Kind kind = Kind::text;  // document: a file of JSON, taken as it is; yes: a flag, true
  bool required = true;
};

struct AdminCommand {
  std::string name;
  std::string summary;
  std::vector<AdminParameter> parameters;
  std::vector<JsonField> json;
  std::string example;   // behind "keyhold devcloud … --dir /srv/devcloud "
  std::string endpoint;  // "aws/create-role"
  // Members that are always sent, as JSON: {"operation", "\"DisableKey\""}.
  std::map<std::string, std::string> constants;
  // What is printed where --json is not asked for; empty: the members, one a line.
  std::function<std::string(const std::string& json)> text;
  std::vector<std::string> paragraphs;
};

// `group`: "devcloud aws".
Command admin_command(const std::string& group, AdminCommand row);

// --dir DIR, required.
Argument devcloud_directory(std::string& target);

// One request to the admin API of the devcloud that serves `directory`, as its endpoints.json says.
// Code::not_found without that file, Code::unavailable where nobody serves; else the code that the
// answer names.
Result<std::string> ask_devcloud(const std::string& directory, const std::string& method,
                                 const std::string& path, const std::string& body);

// The members of a JSON object, "name: value" a line.
std::string members_as_lines(const std::string& json);
// `export NAME='value'` for members of a JSON object: pairs of NAME and member.
std::string members_as_exports(const std::string& json,
                               const std::vector<std::pair<std::string, std::string>>& names);

}  // namespace keyhold::cli
