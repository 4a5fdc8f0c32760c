#include "secrets.h"

void leak(const BlockPrf& prf) {
  BlockPrf copy = prf;  // must not compile: deleted
}
