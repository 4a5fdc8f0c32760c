// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2), JWT's RS256 (RFC 7518 section 3.3): for
// logins to a cloud, never for data of ours. Thread-safe.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace keyhold::crypto {

// `private_key_pem`: PKCS#8 or PKCS#1, not encrypted, of 2048 to 8192 bits. As many bytes as the
// modulus has. Code::invalid_argument where that is no such key; no message holds any of it.
// OpenSSL keeps a copy while it signs, and cleanses it.
Result<ByteVector> rsa_sign_sha256(std::string_view private_key_pem, ByteView message);

}  // namespace keyhold::crypto
