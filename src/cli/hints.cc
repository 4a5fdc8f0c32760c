#include "cli/hints.h"

namespace keyhold::cli {

std::string hint_for(Code code, const std::string& command) {
  switch (code) {
    case Code::invalid_argument:
      return "See '" + command + " --help'.";
    case Code::denied:
      return "Only the owner of the key can help: enable it, or allow this principal to use it. "
             "Nothing is lost meanwhile.";
    case Code::unavailable:
      if (command.starts_with("keyhold kms")) return "";
      return "Nothing is lost. Try again later, or let it keep trying: --kms-wait 5m.";
    case Code::wrong_key:
      return "Was the KMS or the store's key ring exchanged or damaged? Put back the one that "
             "belongs to the other, from a backup.";
    case Code::no_space:
      return "Free some space and run it again; nothing was lost.";
    case Code::internal:
      return "This is a bug in Keyhold: please report it with the command that you ran.";
    default:
      return "";
  }
}

}  // namespace keyhold::cli
