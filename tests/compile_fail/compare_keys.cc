#include "secrets.h"

bool leak(const Key256& a, const Key256& b) {
  return a == b;  // must not compile: no match for|invalid operands
}
