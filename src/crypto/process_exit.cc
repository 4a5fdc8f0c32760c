#include "crypto/process_exit.h"

#include <openssl/crypto.h>

namespace keyhold::crypto {

void keep_openssl_at_exit() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
}

}  // namespace keyhold::crypto
