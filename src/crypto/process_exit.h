// What the end of the process must not take away.
#pragma once

namespace keyhold::crypto {

// OpenSSL frees its tables in an exit handler; from now on it does not, so that an engine's threads
// may seal and open until the process is gone. REQUIRES: nothing in this process has used OpenSSL
// yet, else there is no effect: a library calls it from a static initialiser.
void keep_openssl_at_exit();

}  // namespace keyhold::crypto
