#include "secrets.h"

void leak(const AeadKey& key) {
  AeadKey copy = key;  // must not compile: deleted
}
