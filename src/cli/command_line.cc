#include "cli/command_line.h"

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "base/suggest.h"

namespace keyhold::cli {
namespace {

// The CLI11 tree of a table, all values kept as text: what is required, which values are allowed
// and how a mistake is told is ours.
class Parser {
 public:
  Parser(const Command& root, std::span<const Argument> globals) : root_(root), globals_(globals) {
    app_.set_help_flag();
    for (const Argument& argument : globals) add(app_, argument);
    build(app_, root);
  }

  tl::expected<Invocation, UsageError> parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(words);
    } catch (const CLI::ParseError& error) {
      return refuse(translate(error.what()));
    }
    Invocation invocation{chosen(), false};
    invocation.help = app_.get_option(globals_.front().long_name())->count() > 0;
    if (invocation.help) return invocation;
    if (const auto status = check(invocation.command()); !status) return refuse(status.error());
    for (const Argument& argument : globals_) {
      if (const auto status = take(app_, argument); !status) return refuse(status.error());
    }
    const CLI::App& app = *apps_.at(&invocation.command());
    for (const Argument& argument : invocation.command().arguments) {
      if (const auto status = take(app, argument); !status) return refuse(status.error());
    }
    return invocation;
  }

 private:
  static void add(CLI::App& app, const Argument& argument) {
    if (argument.value.empty()) {
      app.add_flag(argument.name);
      return;
    }
    CLI::Option* option = app.add_option(argument.name);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (argument.positional() && argument.repeated) option->expected(1, -1)->allow_extra_args();
  }

  void build(CLI::App& app, const Command& command) {
    apps_[&command] = &app;
    app.allow_extras();
    app.require_subcommand(0, 1);
    for (const Argument& argument : command.arguments) add(app, argument);
    for (const Command& child : command.subcommands) {
      CLI::App* made = app.add_subcommand(child.name);
      made->set_help_flag();
      made->fallthrough();
      build(*made, child);
    }
  }

  [[nodiscard]] std::vector<const Command*> chosen() const {
    std::vector<const Command*> path = {&root_};
    while (true) {
      const auto& children = path.back()->subcommands;
      const auto next = std::find_if(children.begin(), children.end(), [&](const Command& child) {
        return apps_.at(&child)->parsed();
      });
      if (next == children.end()) return path;
      path.push_back(&*next);
    }
  }

  tl::unexpected<UsageError> refuse(Error error) const {
    return tl::unexpected(UsageError{std::move(error), chosen()});
  }

  // CLI11's sentence about an option without its value, in our words.
  static Error translate(const std::string& message) {
    const auto colon = message.find(':');
    if (colon != std::string::npos && message.find("required", colon) != std::string::npos) {
      return {Code::invalid_argument, message.substr(0, colon) + " needs a value"};
    }
    return {Code::invalid_argument, message};
  }

  [[nodiscard]] Status check(const Command& command) const {
    auto extras = app_.remaining(true);
    std::erase(extras, "--");
    if (!extras.empty()) return fail(Code::invalid_argument, unknown(command, extras.front()));
    if (!command.run) {
      return fail(Code::invalid_argument, "say what to do: " + names(command.subcommands));
    }
    const CLI::App& app = *apps_.at(&command);
    for (const Argument& argument : command.arguments) {
      if (argument.required && app.get_option(argument.long_name())->count() == 0) {
        return fail(Code::invalid_argument, argument.name + " is missing");
      }
    }
    return {};
  }

  [[nodiscard]] std::string unknown(const Command& command, const std::string& word) const {
    std::vector<std::string> known;
    if (word.starts_with('-')) {
      for (const Argument& argument : command.arguments) known.push_back(argument.long_name());
      for (const Argument& argument : globals_) known.push_back(argument.long_name());
      return fmt::format("unknown option {}{}", word.substr(0, word.find('=')),
                         suggestion(word.substr(0, word.find('=')), known));
    }
    if (command.run) return fmt::format("unexpected argument \"{}\"", word);
    for (const Command& child : command.subcommands) known.push_back(child.name);
    return fmt::format("unknown command \"{}\"{}", word, suggestion(word, known));
  }

  static std::string names(const std::vector<Command>& commands) {
    std::string text;
    for (const Command& command : commands) {
      if (command.hidden) continue;
      text += (text.empty() ? "" : ", ") + command.name;
    }
    return text;
  }

  static Status take(const CLI::App& app, const Argument& argument) {
    const CLI::Option* option = app.get_option(argument.long_name());
    if (option->count() == 0) return {};
    if (argument.value.empty()) return argument.accept("");
    if (option->count() > 1 && !argument.repeated) {
      return fail(Code::invalid_argument, argument.long_name() + " was given twice");
    }
    for (const std::string& value : option->results()) {
      const bool allowed = argument.choices.empty() ||
                           std::find(argument.choices.begin(), argument.choices.end(), value) !=
                               argument.choices.end();
      if (!allowed) return fail(Code::invalid_argument, not_a_choice(argument, value));
      if (auto status = argument.accept(value); !status) {
        return fail(status.error().within(argument.long_name()));
      }
    }
    return {};
  }

  static std::string not_a_choice(const Argument& argument, const std::string& value) {
    std::string allowed;
    for (const std::string& choice : argument.choices) {
      allowed += (allowed.empty() ? "" : ", ") + choice;
    }
    return fmt::format("{}: \"{}\" is none of {}{}", argument.long_name(), value, allowed,
                       suggestion(value, argument.choices));
  }

  const Command& root_;
  std::span<const Argument> globals_;
  CLI::App app_;
  std::map<const Command*, CLI::App*> apps_;
};

}  // namespace

std::string Invocation::name() const {
  std::string text;
  for (const Command* command : path) text += (text.empty() ? "" : " ") + command->name;
  return text;
}

tl::expected<Invocation, UsageError> parse_command_line(const Command& root,
                                                        std::span<const Argument> globals,
                                                        const std::vector<std::string>& words) {
  return Parser(root, globals).parse(words);
}

}  // namespace keyhold::cli
