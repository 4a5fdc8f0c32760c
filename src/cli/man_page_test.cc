#include "cli/man_page.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "cli/commands.h"
#include "cli/settings.h"

namespace keyhold::cli {
namespace {

std::size_t visible(const Command& command) {
  std::size_t count = 1;
  for (const Command& child : command.subcommands) count += child.hidden ? 0 : visible(child);
  return count;
}

TEST(ManPages, OnePerVisibleCommandAndOneOfTheSettings) {
  const Command root = root_command();
  auto pages = man_pages(root, {});
  EXPECT_EQ(pages.size(), visible(root) + 1);
  EXPECT_EQ(pages.back().file_name, "keyhold.toml.5");
  for (const SettingRow& row : setting_rows()) {
    EXPECT_NE(pages.back().content.find(".B " + row.name + "\n"), std::string::npos) << row.name;
    EXPECT_NE(pages.front().content.find(".B " + row.environment + "\n"), std::string::npos);
  }
  pages.pop_back();
  EXPECT_EQ(pages.front().file_name, "keyhold.1");
  for (const auto& page : pages) {
    EXPECT_EQ(page.file_name.find("complete.1"), std::string::npos) << page.file_name;
    EXPECT_NE(page.content.find(".SH \"EXIT STATUS\""), std::string::npos) << page.file_name;
  }
}

TEST(ManPages, TextIsEscapedForRoff) {
  Command command;
  command.name = "x";
  command.summary = ".starts with a dot, has a \\ and a --flag";
  const auto pages = man_pages(command, {});
  EXPECT_NE(pages.front().content.find("\\&.starts with a dot, has a \\e and a \\-\\-flag"),
            std::string::npos);
}

// What a user can call has something to learn from: a summary, and for commands an example.
TEST(Help, EveryCommandTeaches) {
  const auto check = [](const auto& self, const Command& command) -> void {
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_FALSE(command.summary.ends_with('.')) << command.name;
    if (command.run && !command.hidden && command.name != "version") {
      EXPECT_FALSE(command.examples.empty()) << command.name;
    }
    // Bytes as they are, or nothing until it ends.
    static const std::set<std::string> no_result = {"agent", "cat", "completion", "export"};
    if (command.run && !command.hidden && !no_result.contains(command.name)) {
      EXPECT_FALSE(command.json.empty()) << command.name;
    }
    for (const Argument& argument : command.arguments) {
      EXPECT_FALSE(argument.help.empty()) << command.name << " " << argument.name;
    }
    for (const Command& child : command.subcommands) self(self, child);
  };
  check(check, root_command());
}

}  // namespace
}  // namespace keyhold::cli
