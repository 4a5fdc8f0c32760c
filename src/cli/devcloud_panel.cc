// The fault panel, the propagation delay and the access log of a devcloud.
#include <memory>

#include "base/canonical_json.h"
#include "base/duration.h"
#include "cli/devcloud_commands.h"
#include "cli/session.h"

namespace keyhold::cli {
namespace {

using Kind = AdminParameter::Kind;

constexpr const char* kFault = "devcloud fault";

std::vector<JsonField> fault_fields(const std::string& prefix) {
  return {{prefix + "id", "names it for fault clear"},
          {prefix + "service", "kms, sts, imds ..."},
          {prefix + "resource", "what the request is about ends so; empty: any"},
          {prefix + "operation", "Decrypt ...; empty: any"},
          {prefix + "kind", "what goes wrong"},
          {prefix + "delay_ms", "how late the answer comes"},
          {prefix + "status", "HTTP status; 0: the service's own"},
          {prefix + "code", "the error's name; empty: the service's own"},
          {prefix + "message", "the error's message; empty: the service's own"},
          {prefix + "remaining", "requests it still applies to; 0: until it is cleared"}};
}

Command set_fault() {
  Command command = admin_command(
      kFault,
      {"set",
       "Make requests to a service fail from now on",
       {{"SERVICE", "SERVICE", "service", "kms, sts, imds, cloudkms, iamcredentials, oauth2 ..."},
        {"KIND", "KIND", "kind", "what goes wrong"},
        {"--resource", "RESOURCE", "resource", "only of keys, roles or paths that end so",
         Kind::text, false},
        {"--operation", "OPERATION", "operation", "only this one: Decrypt, AssumeRole", Kind::text,
         false},
        {"--delay-ms", "MS", "delay_ms", "answer this late; with any kind", Kind::number, false},
        {"--status", "STATUS", "status", "the HTTP status of the error", Kind::number, false},
        {"--code", "CODE", "code", "the error's name: KMSInvalidStateException", Kind::text, false},
        {"--message", "TEXT", "message", "the error's message", Kind::text, false},
        {"--count", "N", "remaining", "for so many requests (default: until cleared)", Kind::number,
         false}},
       fault_fields(""),
       "kms throttle --operation Decrypt",
       "faults",
       {},
       {},
       {"The first fault that fits a request is applied, once the request's signature has been "
        "checked. wrong-key lets a decryption give other bytes; truncate ends the connection in "
        "the middle of an answer, cut before it; garbage and proxy answer what the service never "
        "would."}});
  for (Argument& argument : command.arguments) {
    if (argument.name != "KIND") continue;
    argument.choices = {"deny", "disable",  "delay",     "throttle", "error",
                        "cut",  "truncate", "wrong-key", "garbage",  "proxy"};
  }
  return command;
}

// A command that asks the admin API with another method than POST.
Command ask_command(std::string name, std::string summary, const std::string& method,
                    const std::function<std::string()>& path,
                    const std::function<Result<std::string>()>& body, std::vector<JsonField> fields,
                    std::vector<Argument> arguments, const std::string& example) {
  const auto directory = std::make_shared<std::string>();
  Command command;
  command.name = std::move(name);
  command.summary = std::move(summary);
  command.json = std::move(fields);
  command.exit_statuses = {4, 6};
  command.arguments.push_back(devcloud_directory(*directory));
  for (Argument& argument : arguments) command.arguments.push_back(std::move(argument));
  command.examples = {{example, ""}};
  command.run = [directory, method, path, body](Session& session) -> Status {
    KEYHOLD_TRY_ASSIGN(const std::string sent, body());
    KEYHOLD_TRY_ASSIGN(const std::string answer, ask_devcloud(*directory, method, path(), sent));
    return session.output.document(answer, members_as_lines(answer));
  };
  return command;
}

Result<std::string> nothing() {
  return std::string();
}

Command fault_command() {
  const auto id = std::make_shared<std::string>();
  Command command;
  command.name = "fault";
  command.summary = "Let a service of a devcloud fail: denied, late, throttled, cut off";
  command.subcommands = {
      set_fault(),
      ask_command(
          "list", "List the faults that are set", "GET", [] { return "faults"; }, nothing,
          fault_fields("faults[]."), {}, "keyhold devcloud fault list --dir /srv/devcloud"),
      ask_command(
          "clear", "Take a fault away, or all of them", "DELETE",
          [id] { return id->empty() ? "faults" : "faults/" + *id; }, nothing,
          {{"(nothing)", "an empty object"}}, {text("ID", "ID", *id, "the fault (default: all)")},
          "keyhold devcloud fault clear --dir /srv/devcloud"),
  };
  return command;
}

Command propagation_command() {
  const auto delay = std::make_shared<std::chrono::milliseconds>(-1);
  Command command = ask_command(
      "propagation", "Let changes of keys, policies and grants take a while, as a cloud does",
      "PUT", [] { return "propagation"; },
      [delay]() -> Result<std::string> {
        return "{\"delay_ms\":" + std::to_string(delay->count()) + "}";
      },
      {{"delay_ms", "how long a change takes until requests are judged by it"}},
      {required(duration("DELAY", *delay, "that long: 0, 500ms, 5s"))},
      "keyhold devcloud propagation --dir /srv/devcloud 5s");
  return command;
}

Command clock_command() {
  const auto offset = std::make_shared<std::chrono::milliseconds>(0);
  const auto behind = std::make_shared<bool>(false);
  return ask_command(
      "clock", "Move the date that a devcloud goes by, ahead of the machine's", "PUT",
      [] { return "clock"; },
      [offset, behind]() -> Result<std::string> {
        const std::int64_t by = *behind ? -offset->count() : offset->count();
        return "{\"offset_ms\":" + std::to_string(by) + "}";
      },
      {{"offset_ms", "how far it is ahead"}},
      {required(duration("OFFSET", *offset, "that far: 0, 10m, 8d")),
       flag("--behind", *behind, "behind the machine's instead")},
      "keyhold devcloud clock --dir /srv/devcloud 8d");
}

Command log_command() {
  const auto limit = std::make_shared<int>(100);
  return ask_command(
      "log", "Show the access log, as CloudTrail would have it", "GET",
      [limit] { return "log?limit=" + std::to_string(*limit); }, nothing,
      {{"records[]", "eventTime, eventSource, eventName, userIdentity, errorCode ..."}},
      {number("--limit", "N", *limit, "the last so many records (default: 100)")},
      "keyhold devcloud log --dir /srv/devcloud --limit 20");
}

}  // namespace

std::vector<Command> devcloud_panel_commands() {
  return {fault_command(), propagation_command(), clock_command(), log_command()};
}

}  // namespace keyhold::cli
