#include "cli/hints.h"

#include "base/advice.h"

namespace keyhold::cli {

std::string hint_for(Code code, const std::string& command) {
  switch (code) {
    case Code::invalid_argument:
      return "See '" + command + " --help'.";
    case Code::unavailable:
      if (command.starts_with("keyhold kms")) return "";
      return "Nothing is lost. Try again later, or let it keep trying: --kms-wait 5m.";
    case Code::internal:
      return "This is a bug in Keyhold: please report it with the command that you ran.";
    default:
      return std::string(advice_for(code));
  }
}

}  // namespace keyhold::cli
