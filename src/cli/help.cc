#include "cli/help.h"

#include <algorithm>

#include <fmt/core.h>

#include "cli/exit_notes.h"

namespace keyhold::cli {
namespace {

constexpr std::size_t kTermWidth = 26;

std::string row(const std::string& term, const std::string& help, std::size_t width) {
  std::string line = "  " + term;
  if (line.size() + 2 > kTermWidth) {
    line += "\n" + std::string(kTermWidth, ' ');
  } else {
    line.resize(kTermWidth, ' ');
  }
  return line + wrap(help, kTermWidth, width) + "\n";
}

std::string sections(const Command& command, std::size_t width) {
  std::vector<std::string> headings;
  const auto heading = [](const Argument& argument) -> std::string {
    if (!argument.section.empty()) return argument.section;
    return argument.positional() ? "Arguments" : "Options";
  };
  for (const Argument& argument : command.arguments) {
    const auto name = heading(argument);
    if (std::find(headings.begin(), headings.end(), name) == headings.end()) {
      headings.push_back(name);
    }
  }
  std::string text;
  for (const std::string& name : headings) {
    text += "\n" + name + ":\n";
    for (const Argument& argument : command.arguments) {
      if (heading(argument) != name) continue;
      text += row(argument_term(argument), argument_help(argument), width);
    }
  }
  return text;
}

// In full for the root; for the others their names.
std::string global_options(const std::vector<const Command*>& path,
                           std::span<const Argument> globals, std::size_t width) {
  std::string text;
  if (path.size() == 1) {
    for (const Argument& argument : globals) {
      text += row(argument_term(argument), argument_help(argument), width);
    }
    return "\nGlobal options:\n" + text;
  }
  for (const Argument& argument : globals) {
    text += (text.empty() ? "" : ", ") + argument.long_name();
    if (!argument.value.empty()) text += " " + argument.value;
  }
  return "\nGlobal options (see 'keyhold --help'):\n  " + wrap(text, 2, width) + "\n";
}

std::string children(const Command& command, std::size_t width) {
  if (command.subcommands.empty()) return "";
  std::string text = "\nCommands:\n";
  for (const Command& child : command.subcommands) {
    if (!child.hidden) text += row(child.name, child.summary, width);
  }
  return text;
}

std::string examples(const Command& command) {
  if (command.examples.empty()) return "";
  std::string text = "\nExamples:\n";
  for (const Example& example : command.examples) {
    if (!example.comment.empty()) text += "  # " + example.comment + "\n";
    text += "  " + example.command + "\n";
  }
  return text;
}

std::string json_fields(const Command& command, std::size_t width) {
  if (command.json.empty()) return "";
  std::string text = "\nWith --json:\n";
  for (const JsonField& field : command.json) text += row(field.name, field.meaning, width);
  return text;
}

std::string exits(const Command& command, std::size_t width) {
  std::string text = "\nExit status:\n";
  for (const int status : exit_statuses(command)) {
    text += "  " + std::to_string(status) + "  " +
            wrap(kExitNotes.at(static_cast<std::size_t>(status)).meaning, 5, width) + "\n";
  }
  return text;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!out.empty() && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string argument_term(const Argument& argument) {
  if (argument.positional()) return argument.name + (argument.repeated ? "..." : "");
  std::string text = argument.name;
  if (const auto comma = text.find(','); comma != std::string::npos) text.insert(comma + 1, " ");
  return argument.value.empty() ? text : text + " " + argument.value;
}

std::string argument_help(const Argument& argument) {
  std::string text = argument.help;
  if (!argument.choices.empty()) {
    std::string choices;
    for (const std::string& choice : argument.choices) {
      choices += (choices.empty() ? "" : ", ") + choice;
    }
    text += ": " + choices;
  }
  if (argument.required && !argument.positional()) text += " (required)";
  return text;
}

std::string usage_line(const std::vector<const Command*>& path) {
  std::string line;
  for (const Command* command : path) line += (line.empty() ? "" : " ") + command->name;
  const Command& command = *path.back();
  if (!command.run) return line + " COMMAND";
  bool optional = false;
  for (const Argument& argument : command.arguments) {
    if (argument.positional()) {
      const auto term = argument_term(argument);
      line += argument.required ? " " + term : " [" + term + "]";
    } else if (argument.required) {
      line += " " + argument.long_name() + " " + argument.value;
    } else {
      optional = true;
    }
  }
  return optional ? line + " [OPTIONS]" : line;
}

std::vector<int> exit_statuses(const Command& command) {
  std::vector<int> statuses = command.exit_statuses;
  if (command.run) {
    statuses.insert(statuses.end(), {0, 1, 2});
  } else {
    for (const ExitNote& note : kExitNotes) statuses.push_back(note.status);
  }
  std::sort(statuses.begin(), statuses.end());
  return statuses;
}

std::string help_text(const std::vector<const Command*>& path, std::span<const Argument> globals,
                      std::size_t width) {
  const Command& command = *path.back();
  std::string text = "Usage: " + usage_line(path) + "\n\n" + command.summary + ".\n";
  for (const std::string& paragraph : command.paragraphs) {
    text += "\n" + wrap(paragraph, 0, width) + "\n";
  }
  if (!command.listing.empty()) text += "\n" + command.listing;
  text += children(command, width) + sections(command, width);
  text += global_options(path, globals, width) + examples(command) + json_fields(command, width);
  text += exits(command, width);
  if (!command.run) {
    const auto usage = usage_line(path);
    text += "\n'" + usage + " --help' tells more about a command.\n";
  }
  return text;
}

}  // namespace keyhold::cli
