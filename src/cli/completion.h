// Shell completion: each shell's script asks the hidden command `keyhold complete`, so that all
// three know the same, and what they know is never older than the program.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/command.h"

namespace keyhold::cli {

struct Candidates {
  struct Word {
    std::string text;
    std::string help;
  };
  std::vector<Word> words;                 // that begin with what is typed
  Completion names = Completion::nothing;  // the shell offers names on disk as well
};

// `typed` are the words after the program's name; the last one is being typed (maybe empty).
Candidates complete(const Command& root, std::span<const Argument> globals,
                    const std::vector<std::string>& typed);

// One line a word, "WORD<tab>HELP"; then ":file" or ":directory" where names on disk fit.
std::string to_text(const Candidates& candidates);

// The script for bash, zsh or fish.
Result<std::string> completion_script(std::string_view shell);

}  // namespace keyhold::cli
