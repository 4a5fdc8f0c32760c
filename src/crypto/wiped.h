// A forked child finds the secret memory of its parent wiped (secret_pool.h). Whoever holds keys
// refuses before it comes to a cipher; these are the last look before one runs under a key of
// zeros, which everybody knows.
#pragma once

#include <algorithm>

#include "base/bytes.h"

namespace keyhold::crypto {

// Whether nothing but zeros stands where an expanded key begins; takes the same time for every key.
inline bool is_wiped(ByteView secret) {
  std::uint8_t all = 0;
  for (const std::uint8_t byte : secret.first(std::min<std::size_t>(secret.size(), 64)))
    all |= byte;
  return all == 0;
}

}  // namespace keyhold::crypto
