// The other side of rsa_sign.h: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2), and key
// pairs for those who hand them out. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace keyhold::crypto {

struct RsaPem {
  std::string private_key;  // PKCS#8, not encrypted: for keys that are given away in a file
  std::string public_key;   // SubjectPublicKeyInfo
};

// 2048 bits.
Result<RsaPem> generate_rsa_pem();

// False too where `public_key_pem` is no RSA public key.
bool rsa_verify_sha256(std::string_view public_key_pem, ByteView message, ByteView signature);

}  // namespace keyhold::crypto
