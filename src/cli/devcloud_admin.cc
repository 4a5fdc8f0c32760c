#include <array>
#include <charconv>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/devcloud_commands.h"
#include "cli/session.h"
#include "io/file_system.h"
#include "net/http_client.h"

namespace keyhold::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = 1U << 20U;
constexpr std::chrono::seconds kPatience{30};

struct Values {
  std::string directory;
  std::map<std::string, std::vector<std::string>> given;  // by member
};

Result<std::string> read_text(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto bytes, io::read_file(io::posix_file_system(), path, kMaxFileBytes));
  return std::string(as_text(bytes));
}

Code code_named(const std::string& name) {
  constexpr std::array kCodes = {Code::invalid_argument, Code::not_found,
                                 Code::already_exists,   Code::busy,
                                 Code::permission,       Code::integrity};
  for (const Code code : kCodes) {
    if (code_name(code) == name) return code;
  }
  return Code::io;
}

Result<json> value_of(const AdminParameter& parameter, const std::vector<std::string>& given) {
  switch (parameter.kind) {
    case AdminParameter::Kind::text:
      return json(given.front());
    case AdminParameter::Kind::texts:
      return json(given);
    case AdminParameter::Kind::yes:
      return json(true);
    case AdminParameter::Kind::number: {
      std::int64_t number = 0;
      const std::string& text = given.front();
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
      if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return json(number);
      return fail(Code::invalid_argument, parameter.name + ": \"" + text + "\" is no number");
    }
    case AdminParameter::Kind::document: {
      KEYHOLD_TRY_ASSIGN(const std::string path, absolute_path(given.front()));
      KEYHOLD_TRY_ASSIGN(const std::string text, read_text(path));
      json document = json::parse(text, nullptr, false);
      if (!document.is_discarded()) return document;
      return fail(Code::invalid_argument, path + " is no JSON");
    }
  }
  return fail(Code::internal, "unknown kind of parameter");
}

Result<std::string> body_of(const AdminCommand& row, const Values& values) {
  json body = json::object();
  for (const auto& [member, text] : row.constants)
    body[json::json_pointer(member)] = json::parse(text);
  for (const AdminParameter& parameter : row.parameters) {
    const auto given = values.given.find(parameter.member);
    if (given == values.given.end()) continue;
    KEYHOLD_TRY_ASSIGN(body[json::json_pointer("/" + parameter.member)],
                       value_of(parameter, given->second));
  }
  return body.dump();
}

Argument argument_of(const AdminParameter& parameter, const std::shared_ptr<Values>& values) {
  Argument argument;
  argument.name = parameter.name;
  argument.value = parameter.value;
  argument.help = parameter.help;
  argument.required = parameter.required;
  argument.repeated = parameter.kind == AdminParameter::Kind::texts;
  if (parameter.kind == AdminParameter::Kind::document) argument.completion = Completion::file;
  argument.accept = [values, member = parameter.member](const std::string& value) -> Status {
    values->given[member].push_back(value);
    return {};
  };
  return argument;
}

std::string as_word(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

Argument devcloud_directory(std::string& target) {
  return required(path("--dir", "DIR", target, "the devcloud's directory", Completion::directory));
}

Result<std::string> ask_devcloud(const std::string& directory, const std::string& method,
                                 const std::string& path, const std::string& body) {
  KEYHOLD_TRY_ASSIGN(const std::string text, read_text(io::join_path(directory, "endpoints.json")));
  const json endpoints = json::parse(text, nullptr, false);
  if (!endpoints.is_object())
    return fail(Code::integrity, directory + "/endpoints.json is damaged");
  KEYHOLD_TRY_ASSIGN(std::string token, read_text(io::join_path(directory, "admin.token")));
  std::erase(token, '\n');
  net::HttpOptions options;
  options.ca_file = endpoints.value("ca_file", "");
  options.max_response_bytes = 64U << 20U;
  net::HttpClient client(system_clock(), options);
  net::HttpRequest request;
  request.method = method;
  request.url = endpoints.value("https", "") + "/_devcloud/" + path;
  request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}};
  request.body = WipedString(body);
  KEYHOLD_TRY_ASSIGN(const auto response,
                     client.send(request, Deadline::after(system_clock(), kPatience)));
  std::string answer(response.body);
  if (response.status == 200) return answer;
  const json refused = json::parse(answer, nullptr, false);
  if (!refused.is_object() || !refused.contains("error")) {
    return fail(Code::unavailable, "no devcloud serves " + directory);
  }
  return fail(code_named(refused["error"].value("code", "")),
              refused["error"].value("message", "the devcloud refuses"));
}

std::string members_as_lines(const std::string& text) {
  std::string lines;
  const json document = json::parse(text, nullptr, false);
  for (const auto& [name, value] : document.items()) {
    if (!value.is_array()) {
      lines += name + ": " + as_word(value) + "\n";
      continue;
    }
    for (const json& item : value) lines += name + ": " + as_word(item) + "\n";
  }
  return lines;
}

std::string members_as_exports(const std::string& text,
                               const std::vector<std::pair<std::string, std::string>>& names) {
  std::string lines;
  const json document = json::parse(text, nullptr, false);
  for (const auto& [variable, member] : names) {
    lines +=
        "export " + variable + "=" + shell_quoted(as_word(document.value(member, json("")))) + "\n";
  }
  return lines;
}

Command admin_command(const std::string& group, AdminCommand row) {
  const auto values = std::make_shared<Values>();
  Command command;
  command.name = row.name;
  command.summary = row.summary;
  command.paragraphs = row.paragraphs;
  command.json =
      row.json.empty() ? std::vector<JsonField>{{"(nothing)", "an empty object"}} : row.json;
  command.exit_statuses = {4, 6, 7};
  command.examples = {{"keyhold " + group + " " + row.name + " --dir /srv/devcloud" +
                           (row.example.empty() ? "" : " " + row.example),
                       ""}};
  command.arguments.push_back(devcloud_directory(values->directory));
  for (const AdminParameter& parameter : row.parameters) {
    command.arguments.push_back(argument_of(parameter, values));
  }
  command.run = [row = std::move(row), values](Session& session) -> Status {
    KEYHOLD_TRY_ASSIGN(const std::string body, body_of(row, *values));
    KEYHOLD_TRY_ASSIGN(const std::string answer,
                       ask_devcloud(values->directory, "POST", row.endpoint, body));
    return session.output.document(answer, row.text ? row.text(answer) : members_as_lines(answer));
  };
  return command;
}

}  // namespace keyhold::cli
