#include "secrets.h"

bool leak(const SecretBlock& a, const SecretBlock& b) {
  return a == b;  // must not compile: no match for|invalid operands
}
