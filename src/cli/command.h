// The commands as data: one table from which the parser, the help, the completion and the manual
// pages are made.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace keyhold::cli {

struct Session;

// What a shell offers for a value.
enum class Completion : std::uint8_t { nothing, file, directory };

struct Argument {
  std::string name;   // "--kms-uri" or "-h,--help"; in capitals a positional: "DIR"
  std::string value;  // stands for the option's value in the help: "URI"; empty: a flag
  std::string help;   // a clause in the imperative or a noun, no full stop
  std::vector<std::string> choices;
  bool required = false;
  bool repeated = false;
  Completion completion = Completion::nothing;
  std::string section;  // heading in the help; empty: "Options"
  // Takes one value (a flag's is empty); a failure is a usage error.
  std::function<Status(const std::string&)> accept;

  [[nodiscard]] bool positional() const { return !name.starts_with('-'); }
  // "--help" of "-h,--help".
  [[nodiscard]] std::string long_name() const;
};

struct Example {
  std::string command;
  std::string comment;  // printed above it; may be empty
};

// A field of what a command prints with --json; "a.b" is b inside a, "a[].b" b of each in a list.
struct JsonField {
  std::string name;
  std::string meaning;
};

struct Command {
  std::string name;
  std::string summary;                  // one clause, no full stop
  std::vector<std::string> paragraphs;  // what a user should know before using it
  std::string listing;                  // printed below them as it is; lines end with a line feed
  std::vector<Argument> arguments;
  std::vector<Example> examples;
  std::vector<JsonField> json;     // the promise to programs
  std::vector<int> exit_statuses;  // beyond 0, 1 and 2
  std::vector<Command> subcommands;
  bool hidden = false;
  // Bytes as a reply (completion, a file's content): settings and host are not looked at.
  bool plain = false;
  std::function<Status(Session&)> run;  // empty: a group
};

// The makers of arguments. `target` lives at least as long as the command; it keeps its value as
// the default where the argument is not given.
Argument flag(std::string name, bool& target, std::string help);
Argument text(std::string name, std::string value, std::string& target, std::string help);
Argument texts(const std::string& name, std::vector<std::string>& target, std::string help);
// Relative paths are made absolute; "." and ".." are resolved without looking at the disk.
Argument path(std::string name, std::string value, std::string& target, std::string help,
              Completion completion = Completion::file);
Argument duration(std::string name, std::chrono::milliseconds& target, std::string help);
Argument bytes(std::string name, std::uint64_t& target, std::string help);
Argument number(std::string name, std::string value, int& target, std::string help);

Argument required(Argument argument);
Argument in_section(std::string section, Argument argument);

// DIR, a required directory.
Argument directory(std::string& target, std::string help);

// Absolute and normal, by the working directory. Code::invalid_argument for an empty path.
Result<std::string> absolute_path(const std::string& path);

}  // namespace keyhold::cli
