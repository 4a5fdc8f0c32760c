#include "crypto/fatal.h"

#include <cstdlib>

#include "base/log.h"

namespace keyhold::crypto {

void fatal(std::string_view message) {
  log::error(message);
  std::abort();
}

}  // namespace keyhold::crypto
