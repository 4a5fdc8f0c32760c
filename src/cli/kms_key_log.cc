#include <algorithm>

#include <fmt/core.h>

#include "cli/kms_key_commands.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include "kms/local/admin.h"

namespace keyhold::cli {
namespace {

struct Arguments {
  std::string kms;
  std::string name;
  int limit = 50;
};

Json to_json(const kms::AccessLogEntry& entry) {
  Json context = Json::object();
  for (const auto& [name, value] : entry.context) context.set(name, value);
  Json json = Json::object();
  json.set("time", entry.time).set("request_id", entry.request_id);
  json.set("operation", entry.operation).set("key", entry.key);
  json.set("version", entry.version ? Json(*entry.version) : Json());
  json.set("outcome", entry.outcome).set("pid", entry.pid);
  return json.set("context", context);
}

// "org/cluster/region, serve" of the wrap's context.
std::string user_of(const kms::AccessLogEntry& entry) {
  const auto value = [&](const char* name) {
    const auto found = entry.context.find(name);
    return found == entry.context.end() ? std::string() : found->second;
  };
  if (entry.context.empty()) return "-";
  return fmt::format("{}/{}/{}, {}", value("org"), value("cluster"), value("region"),
                     value("purpose"));
}

std::vector<std::string> to_row(const kms::AccessLogEntry& entry) {
  return {format_time(entry.time),  printable(entry.operation),
          printable(entry.key),     entry.version ? std::to_string(*entry.version) : "-",
          printable(entry.outcome), std::to_string(entry.pid),
          printable(user_of(entry))};
}

Status print_log(Session& session, const Arguments& arguments) {
  if (arguments.limit < 1) return fail(Code::invalid_argument, "--limit: at least 1");
  KEYHOLD_TRY_ASSIGN(const auto kms, kms::LocalKms::open(arguments.kms));
  constexpr std::size_t kAll = 1'000'000;
  const auto limit = static_cast<std::size_t>(arguments.limit);
  KEYHOLD_TRY_ASSIGN(auto entries, kms.log(arguments.name.empty() ? limit : kAll));
  if (!arguments.name.empty()) {
    std::erase_if(entries, [&](const auto& entry) { return entry.key != arguments.name; });
  }
  if (entries.size() > limit) {
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(limit));
  }
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows = {
      {"TIME", "OPERATION", "KEY", "VERSION", "OUTCOME", "PID", "FOR"}};
  for (const auto& entry : entries) {
    json.add(to_json(entry));
    rows.push_back(to_row(entry));
  }
  return session.output.result(Json::object().set("entries", json),
                               entries.empty() ? "no entries\n" : text_table(rows));
}

}  // namespace

Command kms_key_log_command() {
  const auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "log";
  command.summary = "Show who used which key, when, for what, and what the KMS answered";
  command.paragraphs = {
      "Oldest first. --json adds request ids and the whole context of each wrap."};
  command.arguments = {
      directory(arguments->kms, "the KMS's directory"),
      text("NAME", "NAME", arguments->name, "only this key"),
      number("--limit", "N", arguments->limit, "show the last N entries (default 50)")};
  command.json = {{"entries[].time", "when the KMS answered"},
                  {"entries[].request_id", "the KMS's, as the user of the key was told it"},
                  {"entries[].operation", "wrap, unwrap, probe, describe, create, disable ..."},
                  {"entries[].key", "its name"},
                  {"entries[].version", "that was used or made, or null"},
                  {"entries[].outcome", "ok, or why not"},
                  {"entries[].pid", "the process that asked"},
                  {"entries[].context", "of the wrap: org, cluster, region, purpose ..."}};
  command.exit_statuses = {4, 6};
  command.examples = {{"keyhold kms key log /srv/customer-kms orders", ""}};
  command.run = [arguments](Session& session) { return print_log(session, *arguments); };
  return command;
}

}  // namespace keyhold::cli
