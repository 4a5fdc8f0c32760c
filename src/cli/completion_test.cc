#include "cli/completion.h"

#include <gtest/gtest.h>

#include "cli/commands.h"
#include "cli/global_options.h"

namespace keyhold::cli {
namespace {

std::string completed(const std::vector<std::string>& words) {
  GlobalOptions options;
  const auto globals = options.arguments();
  const auto found = complete(root_command(), globals, words);
  std::string text;
  for (const auto& word : found.words) text += (text.empty() ? "" : " ") + word.text;
  if (found.names == Completion::file) text += " :file";
  if (found.names == Completion::directory) text += " :directory";
  return text;
}

TEST(Completion, CommandsButNoHiddenOnes) {
  EXPECT_EQ(completed({""}), "kms store agent devcloud audit config completion version");
  EXPECT_EQ(completed({"store", "re"}), "rewrap reencrypt");
  EXPECT_EQ(completed({"kms", "key", "d"}), "disable");
}

TEST(Completion, OptionsOfTheCommandAndGlobalOnes) {
  EXPECT_EQ(completed({"store", "rotate", "--k"}), "--kek --kms-deadline --kms-wait");
  EXPECT_EQ(completed({"store", "init", "/srv/store", "--kms-t"}), "--kms-type");
}

TEST(Completion, ValuesOfAnOption) {
  EXPECT_EQ(completed({"store", "init", "--kms-type", "L"}), "LOCAL");
  EXPECT_EQ(completed({"--log-level", ""}), "debug info warning error");
  EXPECT_EQ(completed({"store", "init", "--kms-ca", ""}), " :file");
}

TEST(Completion, NamesOnDiskWhereAPositionalStands) {
  EXPECT_EQ(completed({"store", "status", ""}), " :directory");
  EXPECT_EQ(completed({"store", "status", "/srv/store", ""}), "");
  EXPECT_EQ(completed({"store", "cat", "/srv/store", "db/a", ""}), " :file");
  EXPECT_EQ(completed({"completion", "z"}), "zsh");
}

TEST(Completion, EveryShellHasItsScript) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    EXPECT_NE(completion_script(shell)->find("complete --"), std::string::npos) << shell;
  }
  EXPECT_FALSE(completion_script("tcsh"));
}

}  // namespace
}  // namespace keyhold::cli
