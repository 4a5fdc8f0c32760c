#include "cli/command.h"

#include <charconv>
#include <filesystem>

#include <fmt/core.h>

#include "cli/units.h"

namespace keyhold::cli {
namespace {

Argument make(std::string name, std::string value, std::string help,
              std::function<Status(const std::string&)> accept) {
  Argument argument;
  argument.name = std::move(name);
  argument.value = std::move(value);
  argument.help = std::move(help);
  argument.accept = std::move(accept);
  return argument;
}

}  // namespace

std::string Argument::long_name() const {
  const auto comma = name.find(',');
  return comma == std::string::npos ? name : name.substr(comma + 1);
}

Argument flag(std::string name, bool& target, std::string help) {
  return make(std::move(name), "", std::move(help), [&target](const std::string&) -> Status {
    target = true;
    return {};
  });
}

Argument text(std::string name, std::string value, std::string& target, std::string help) {
  return make(std::move(name), std::move(value), std::move(help),
              [&target](const std::string& given) -> Status {
                target = given;
                return {};
              });
}

Argument texts(const std::string& name, std::vector<std::string>& target, std::string help) {
  Argument argument =
      make(name, name, std::move(help), [&target](const std::string& given) -> Status {
        target.push_back(given);
        return {};
      });
  argument.repeated = true;
  return argument;
}

Argument path(std::string name, std::string value, std::string& target, std::string help,
              Completion completion) {
  Argument argument = make(std::move(name), std::move(value), std::move(help),
                           [&target](const std::string& given) -> Status {
                             KEYHOLD_TRY_ASSIGN(target, absolute_path(given));
                             return {};
                           });
  argument.completion = completion;
  return argument;
}

Argument duration(std::string name, std::chrono::milliseconds& target, std::string help) {
  return make(std::move(name), "DURATION", std::move(help),
              [&target](const std::string& given) -> Status {
                KEYHOLD_TRY_ASSIGN(target, parse_duration(given));
                return {};
              });
}

Argument bytes(std::string name, std::uint64_t& target, std::string help) {
  return make(std::move(name), "SIZE", std::move(help),
              [&target](const std::string& given) -> Status {
                KEYHOLD_TRY_ASSIGN(target, parse_bytes(given));
                return {};
              });
}

Argument number(std::string name, std::string value, int& target, std::string help) {
  return make(std::move(name), std::move(value), std::move(help),
              [&target](const std::string& given) -> Status {
                const char* end = given.data() + given.size();
                const auto result = std::from_chars(given.data(), end, target);
                if (result.ec == std::errc() && result.ptr == end) return {};
                return fail(Code::invalid_argument, fmt::format("\"{}\" is not a number", given));
              });
}

Argument required(Argument argument) {
  argument.required = true;
  return argument;
}

Argument in_section(std::string section, Argument argument) {
  argument.section = std::move(section);
  return argument;
}

Argument directory(std::string& target, std::string help) {
  return required(path("DIR", "DIR", target, std::move(help), Completion::directory));
}

Result<std::string> absolute_path(const std::string& path) {
  if (path.empty()) return fail(Code::invalid_argument, "an empty path names nothing");
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error) return fail(Code::io, "the working directory is gone: " + error.message());
  std::string normal = absolute.lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

}  // namespace keyhold::cli
