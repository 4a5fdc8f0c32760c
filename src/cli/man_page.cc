#include "cli/man_page.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/core.h>

#include "cli/exit_notes.h"
#include "cli/help.h"
#include "cli/version.h"

namespace keyhold::cli {
namespace {

using Path = std::vector<const Command*>;

// Text as roff takes it: no escape, no request at the start of a line, hyphens that can be copied.
std::string escape(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string page_name(const Path& path) {
  std::string name;
  for (const Command* command : path) name += (name.empty() ? "" : "-") + command->name;
  return name;
}

std::string heading(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return ".SH \"" + upper + "\"\n";
}

std::string item(const std::string& term, const std::string& text) {
  return ".TP\n.B " + escape(term) + "\n" + escape(text) + "\n";
}

std::string arguments(std::string_view title, std::span<const Argument> list) {
  if (list.empty()) return "";
  std::string text = heading(title);
  for (const Argument& argument : list) {
    text += item(argument_term(argument), argument_help(argument) + ".");
  }
  return text;
}

std::string subcommands(const Path& path) {
  if (path.back()->subcommands.empty()) return "";
  std::string text = heading("commands");
  for (const Command& child : path.back()->subcommands) {
    if (child.hidden) continue;
    text += item(page_name(path) + "-" + child.name + "(1)", child.summary + ".");
  }
  return text;
}

std::string examples(const Command& command) {
  if (command.examples.empty()) return "";
  std::string text = heading("examples");
  for (const Example& example : command.examples) {
    if (!example.comment.empty()) text += ".PP\n" + escape(example.comment) + ":\n";
    text += ".PP\n.RS 4\n.nf\n" + escape(example.command) + "\n.fi\n.RE\n";
  }
  return text;
}

std::string json_fields(const Command& command) {
  if (command.json.empty()) return "";
  std::string text = heading("json output");
  for (const JsonField& field : command.json) text += item(field.name, field.meaning + ".");
  return text;
}

std::string exits(const Command& command) {
  std::string text = heading("exit status");
  for (const int status : exit_statuses(command)) {
    const auto& note = kExitNotes.at(static_cast<std::size_t>(status));
    text += item(std::to_string(status), std::string(note.meaning) + ".");
  }
  return text;
}

std::string see_also(const Path& path) {
  if (path.size() < 2) return "";
  const Path parent(path.begin(), path.end() - 1);
  return heading("see also") + ".BR " + escape(page_name(parent)) + " (1)\n";
}

std::string content(const Path& path, std::span<const Argument> globals) {
  const Command& command = *path.back();
  std::string upper = page_name(path);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text =
      fmt::format(".TH \"{}\" \"1\" \"\" \"keyhold {}\" \"\"\n", escape(upper), kVersion);
  text += heading("name") + escape(page_name(path)) + " \\- " + escape(command.summary) + "\n";
  text += heading("synopsis") + ".B " + escape(usage_line(path)) + "\n";
  text += heading("description") + escape(command.summary) + ".\n";
  for (const std::string& paragraph : command.paragraphs)
    text += ".PP\n" + escape(paragraph) + "\n";
  if (!command.listing.empty()) text += ".PP\n.nf\n" + escape(command.listing) + ".fi\n";
  text += subcommands(path) + arguments("options", command.arguments);
  text += arguments("global options", globals) + examples(command);
  text += json_fields(command) + exits(command);
  return text + see_also(path);
}

void add_pages(Path& path, std::span<const Argument> globals, std::vector<ManPage>& pages) {
  pages.push_back({page_name(path) + ".1", content(path, globals)});
  for (const Command& child : path.back()->subcommands) {
    if (child.hidden) continue;
    path.push_back(&child);
    add_pages(path, globals, pages);
    path.pop_back();
  }
}

}  // namespace

std::vector<ManPage> man_pages(const Command& root, std::span<const Argument> globals) {
  std::vector<ManPage> pages;
  Path path = {&root};
  add_pages(path, globals, pages);
  return pages;
}

}  // namespace keyhold::cli
