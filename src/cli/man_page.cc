#include "cli/man_page.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/core.h>

#include "cli/exit_notes.h"
#include "cli/help.h"
#include "cli/settings.h"
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

constexpr std::string_view kSettingsPage = "keyhold.toml";

std::string reference(const std::string& name, char section, bool last) {
  return ".BR " + escape(name) + " (" + section + (last ? ")\n" : "),\n");
}

// The page above, or from the first one all below.
std::string see_also(const Path& path) {
  if (path.size() > 1) {
    const Path parent(path.begin(), path.end() - 1);
    return heading("see also") + reference(page_name(parent), '1', true);
  }
  std::string text = heading("see also");
  for (const Command& child : path.back()->subcommands) {
    if (!child.hidden) text += reference(page_name(path) + "-" + child.name, '1', false);
  }
  return text + reference(std::string(kSettingsPage), '5', true);
}

std::string places_of_settings() {
  return item("--config FILE, else $KEYHOLD_CONFIG", "The file that a command was told to read.") +
         item("$XDG_CONFIG_HOME/keyhold/keyhold.toml",
              "The user's; without that variable ~/.config/keyhold/keyhold.toml.") +
         item("/etc/keyhold/keyhold.toml", "The machine's.");
}

// What holds for every command stands on the first page.
std::string environment_and_files(const Path& path) {
  if (path.size() > 1) return "";
  std::string text = heading("environment");
  for (const SettingRow& row : setting_rows()) {
    text += item(row.environment,
                 "Sets " + row.name + " (" + row.flag + "): " + row.help +
                     (row.read_environment != nullptr ? "; a bare number counts seconds." : "."));
  }
  text += item("KEYHOLD_CONFIG", "The settings file to read, as --config does.");
  text += heading("files") + places_of_settings();
  return text + item("STORE/.keyhold",
                     "A store's own folder: its key ring in two copies (keyring.a, keyring.b), its "
                     "config, lock and control socket. It belongs into every backup of the store.");
}

std::string title(const std::string& name, char section) {
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".TH \"{}\" \"{}\" \"\" \"keyhold {}\" \"\"\n", escape(upper), section,
                     kVersion);
}

std::string setting_item(const SettingRow& row) {
  std::string choices;
  for (const std::string& choice : row.choices) choices += (choices.empty() ? "" : ", ") + choice;
  return item(row.name, row.help + (choices.empty() ? "" : ": " + choices) +
                            ". Default: " + row.default_value + ". Flag: " + row.flag +
                            ". Environment: " + row.environment + ".");
}

ManPage settings_page() {
  const std::string name(kSettingsPage);
  std::string text = title(name, '5');
  text += heading("name") + escape(name) + " \\- settings of the keyhold commands\n";
  text += heading("description") +
          escape(
              "A TOML file with a table for each part. A flag goes before the environment, the "
              "environment before the file. An unknown setting is an error. Durations are texts "
              "with a unit: \"90s\", \"5m\". The first of these files that exists is read:") +
          "\n" + places_of_settings();
  text += heading("settings");
  for (const SettingRow& row : setting_rows()) text += setting_item(row);
  text +=
      heading("examples") + ".PP\n.RS 4\n.nf\n[kms]\nwait = \"5m\"\n\n[run]\njobs = 2\n.fi\n.RE\n";
  text += heading("see also") + reference("keyhold", '1', false) +
          reference("keyhold-config-check", '1', true);
  return {name + ".5", text};
}

std::string content(const Path& path, std::span<const Argument> globals) {
  const Command& command = *path.back();
  std::string text = title(page_name(path), '1');
  text += heading("name") + escape(page_name(path)) + " \\- " + escape(command.summary) + "\n";
  text += heading("synopsis") + ".B " + escape(usage_line(path)) + "\n";
  text += heading("description") + escape(command.summary) + ".\n";
  for (const std::string& paragraph : command.paragraphs)
    text += ".PP\n" + escape(paragraph) + "\n";
  if (!command.listing.empty()) text += ".PP\n.nf\n" + escape(command.listing) + ".fi\n";
  text += subcommands(path) + arguments("options", command.arguments);
  text += arguments("global options", globals) + examples(command);
  text += json_fields(command) + exits(command) + environment_and_files(path);
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
  pages.push_back(settings_page());
  return pages;
}

}  // namespace keyhold::cli
