#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/global_options.h"
#include "cli/session.h"

namespace keyhold::cli {

Command completion_command() {
  const auto shell = std::make_shared<std::string>();
  Command command;
  command.name = "completion";
  command.summary = "Print the completion script for a shell";
  Argument argument = required(text("SHELL", "SHELL", *shell, "which shell"));
  argument.choices = {"bash", "zsh", "fish"};
  command.arguments = {argument};
  command.examples = {
      {"source <(keyhold completion bash)", "for this bash"},
      {"keyhold completion zsh > \"${fpath[1]}/_keyhold\"", "for every zsh to come"},
      {"keyhold completion fish > ~/.config/fish/completions/keyhold.fish", "for every fish"}};
  command.plain = true;
  command.run = [shell](Session& session) -> Status {
    KEYHOLD_TRY_ASSIGN(const auto script, completion_script(*shell));
    return session.output.raw(script);
  };
  return command;
}

Command complete_command() {
  const auto words = std::make_shared<std::vector<std::string>>();
  Command command;
  command.name = "complete";
  command.summary = "Print what could come next on a command line";
  command.arguments = {texts("WORD", *words, "the words so far")};
  command.hidden = true;
  command.plain = true;
  command.run = [words](Session& session) -> Status {
    GlobalOptions unused;
    return session.output.raw(to_text(complete(session.root, unused.arguments(), *words)));
  };
  return command;
}

}  // namespace keyhold::cli
