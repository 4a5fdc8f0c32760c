#include "cli/completion.h"

namespace keyhold::cli {
namespace {

constexpr std::string_view kBash = R"(# bash completion of keyhold
_keyhold() {
    local line word=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :file | :directory)
                compopt -o filenames
                if [[ $line == :file ]]; then set -- -f; else set -- -d; fi
                while IFS= read -r line; do
                    COMPREPLY+=("$line")
                done < <(compgen "$1" -- "$word")
                ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _keyhold keyhold
)";

constexpr std::string_view kZsh = R"(#compdef keyhold
_keyhold() {
    local line
    local -a offers
    while IFS= read -r line; do
        case $line in
            :file) _files ;;
            :directory) _files -/ ;;
            *) offers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( ${#offers} )) && _describe keyhold offers
}
if [[ ${funcstack[1]} == _keyhold ]]; then _keyhold "$@"; else compdef _keyhold keyhold; fi
)";

constexpr std::string_view kFish = R"(# fish completion of keyhold
function __keyhold_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (command $words[1] complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path (commandline -ct)
            case :directory
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c keyhold -f -a '(__keyhold_complete)'
)";

}  // namespace

Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return fail(Code::invalid_argument, "no completion for this shell");
}

}  // namespace keyhold::cli
