#include "cli/completion.h"

#include <algorithm>

namespace keyhold::cli {
namespace {

// Where in the table the words before the one being typed have led.
struct Position {
  const Command* command;
  std::size_t positionals = 0;        // given so far
  const Argument* waiting = nullptr;  // an option that still lacks its value
  bool only_positionals = false;      // behind "--"
};

const Argument* find_option(const Command& command, std::span<const Argument> globals,
                            const std::string& word) {
  const auto matches = [&](const Argument& argument) {
    return !argument.positional() && argument.long_name() == word;
  };
  const auto own = std::find_if(command.arguments.begin(), command.arguments.end(), matches);
  if (own != command.arguments.end()) return &*own;
  const auto global = std::find_if(globals.begin(), globals.end(), matches);
  return global == globals.end() ? nullptr : &*global;
}

void step(Position& position, std::span<const Argument> globals, const std::string& word) {
  if (position.waiting != nullptr) {
    position.waiting = nullptr;
    return;
  }
  if (word == "--" || position.only_positionals) {
    position.positionals += position.only_positionals ? 1 : 0;
    position.only_positionals = true;
    return;
  }
  if (word.starts_with('-')) {
    const Argument* option = find_option(*position.command, globals, word);
    if (option != nullptr && !option->value.empty()) position.waiting = option;
    return;
  }
  for (const Command& child : position.command->subcommands) {
    if (child.name != word) continue;
    position.command = &child;
    return;
  }
  ++position.positionals;
}

void offer(Candidates& candidates, const std::string& typed, const std::string& word,
           const std::string& help) {
  if (word.starts_with(typed)) candidates.words.push_back({word, help});
}

void offer_values(Candidates& candidates, const Argument& argument, const std::string& typed) {
  for (const std::string& choice : argument.choices) offer(candidates, typed, choice, "");
  candidates.names = argument.completion;
}

void offer_options(Candidates& candidates, std::span<const Argument> arguments,
                   const std::string& typed) {
  for (const Argument& argument : arguments) {
    if (!argument.positional()) offer(candidates, typed, argument.long_name(), argument.help);
  }
}

const Argument* positional_at(const Command& command, std::size_t index) {
  const Argument* last = nullptr;
  for (const Argument& argument : command.arguments) {
    if (!argument.positional()) continue;
    if (index-- == 0) return &argument;
    last = &argument;
  }
  return last != nullptr && last->repeated ? last : nullptr;
}

}  // namespace

Candidates complete(const Command& root, std::span<const Argument> globals,
                    const std::vector<std::string>& typed) {
  Candidates candidates;
  Position position{&root};
  const std::string word = typed.empty() ? "" : typed.back();
  for (std::size_t i = 0; i + 1 < typed.size(); ++i) step(position, globals, typed.at(i));
  if (position.waiting != nullptr) {
    offer_values(candidates, *position.waiting, word);
    return candidates;
  }
  if (word.starts_with('-') && !position.only_positionals) {
    offer_options(candidates, position.command->arguments, word);
    offer_options(candidates, globals, word);
    return candidates;
  }
  for (const Command& child : position.command->subcommands) {
    if (!child.hidden) offer(candidates, word, child.name, child.summary);
  }
  if (const Argument* next = positional_at(*position.command, position.positionals)) {
    offer_values(candidates, *next, word);
  }
  return candidates;
}

std::string to_text(const Candidates& candidates) {
  std::string text;
  for (const auto& word : candidates.words) text += word.text + "\t" + word.help + "\n";
  if (candidates.names == Completion::file) text += ":file\n";
  if (candidates.names == Completion::directory) text += ":directory\n";
  return text;
}

}  // namespace keyhold::cli
