// CRC-32C (Castagnoli), as RFC 3720 appendix B.4 and Google Cloud KMS have it: finds damage on the
// way, not an attacker. Thread-safe.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace keyhold {

std::uint32_t crc32c(ByteView bytes);

}  // namespace keyhold
