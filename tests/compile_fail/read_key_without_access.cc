#include "secrets.h"

keyhold::ByteView leak(const Key256& key) {
  return key.bytes();  // must not compile: no matching (member )?function
}
