#include "secrets.h"

void leak(const Key256& key) {
  Key256 copy = key;  // must not compile: deleted
}
