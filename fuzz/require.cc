#include <cstdio>
#include <cstdlib>

#include "target.h"

namespace keyhold::fuzz {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace keyhold::fuzz
