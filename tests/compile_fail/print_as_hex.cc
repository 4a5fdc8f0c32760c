#include "secrets.h"

std::string leak(const Key256& key) {
  return keyhold::to_hex(key);  // must not compile: could not convert|no viable conversion|invalid
                                // initialization|no matching function
}
