#include "secrets.h"

void leak(const SecretBlock& block) {
  SecretBlock copy = block;  // must not compile: deleted
}
