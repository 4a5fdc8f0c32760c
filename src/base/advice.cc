#include "base/advice.h"

namespace keyhold {

std::string_view advice_for(Code code) {
  switch (code) {
    case Code::denied:
      return "Only the owner of the key can help: enable it, or allow this principal to use it. "
             "Nothing is lost meanwhile.";
    case Code::wrong_key:
      return "Was the KMS or the store's key ring exchanged or damaged? Put back the one that "
             "belongs to the other, from a backup.";
    case Code::no_space:
      return "Free some space and run it again; nothing was lost.";
    default:
      return "";
  }
}

}  // namespace keyhold
