#include "secrets.h"

void leak(Key256& to, const Key256& from) {
  to = from;  // must not compile: deleted
}
