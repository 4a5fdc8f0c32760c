// The sending side of RSA-OAEP, as a customer's own tool has it: for tests.
#pragma once

#include "base/bytes.h"

namespace keyhold::crypto {

// To a SubjectPublicKeyInfo; `digest` as OpenSSL names it ("SHA256"), for the label and MGF1.
ByteVector encrypt_oaep(ByteView public_der, ByteView message, const char* digest);

}  // namespace keyhold::crypto
