#include "secrets.h"

keyhold::ByteView leak(const SecretBlock& block) {
  return block.bytes({});  // must not compile: private
}
