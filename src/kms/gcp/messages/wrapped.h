// Our ciphertext under a Cloud KMS key: Google's own, and which version made it, which Google's
// decrypt does not tell. (docs/kms/gcp.md) Sans-I/O; thread-safe.
//
//   0       4   "KHG1"
//   4       4   number of the version, little-endian, not 0
//   8       n   Google's ciphertext, 1 to 12288 bytes
//   8 + n   4   CRC32C of all before, little-endian
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"

namespace keyhold::kms::gcp {

struct Wrapped {
  std::uint32_t version = 0;
  ByteView ciphertext;
};

// REQUIRES: version and size as above.
ByteVector serialize_wrapped(const Wrapped& wrapped);
// Code::invalid_argument for anything that serialize_wrapped did not write. The view is of `bytes`.
keyhold::Result<Wrapped> parse_wrapped(ByteView bytes);

}  // namespace keyhold::kms::gcp
