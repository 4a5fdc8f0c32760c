// HMAC and HKDF over plain spans, keys of any length: the core of kdf.cc. Only kdf.cc, the tests of
// third-party vectors, and what makes or checks AWS's request signatures (cloud/aws, devcloud/aws)
// include this; everything else has Key256.
#pragma once

#include "base/bytes.h"
#include "crypto/kdf.h"

namespace keyhold::crypto {

// HMAC-SHA-256 (RFC 2104). Thread-safe.
Mac hmac_sha256_of(ByteView key, ByteView message);

// HKDF-SHA-256 (RFC 5869), extract and expand. An empty salt is 32 zero bytes, as section 2.2 has
// it. REQUIRES: output.size() <= 255 * 32.
void hkdf_sha256_of(ByteView input_key, ByteView salt, ByteView info, MutableByteView output);

}  // namespace keyhold::crypto
