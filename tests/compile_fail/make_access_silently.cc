#include "secrets.h"

keyhold::ByteView leak(const Key256& key) {
  SecretAccess access;  // must not compile: private
  return key.bytes(access);
}
