#include <iostream>

#include "secrets.h"

void leak(const Key256& key) {
  std::cout << key;  // must not compile: no match for|invalid operands
}
