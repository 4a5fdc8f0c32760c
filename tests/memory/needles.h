// Every 16 bytes whose presence in a memory shows a key: pieces of the key and of all that is kept
// for its use. 16 bytes by chance: once in 2^128 places.
#pragma once

#include <string>
#include <vector>

#include "derived.h"

namespace keyhold::memory {

struct Key {
  std::string name;
  Bytes32 bytes;
};

struct Needle {
  Bytes16 bytes;
  const char* kind;  // kKinds
  std::size_t key;   // index
};

inline constexpr std::array kKinds = {"key",   "aes-encrypt", "aes-decrypt",
                                      "ghash", "hmac-state",  "hmac-pad"};

// libipsec-mb keeps 48 powers of a GHASH key for AVX-512.
inline constexpr int kGhashPowers = 48;

//   key          the halves, as they are and with the bytes of each 32-bit word turned
//   aes-encrypt  round keys 2 to 14, likewise (0 and 1 are the key)
//   aes-decrypt  round keys 1 to 13 of the equivalent inverse cipher, likewise
//   ghash        H as it is, turned as a whole, turned by 64-bit halves; for powers 1 to 48 the form
//                for carry-less multiplication, also with the halves exchanged
//   hmac-state   halves of SHA-256's state behind the inner and the outer pad, words in either order
//   hmac-pad     halves of the key in the inner and the outer pad
std::vector<Needle> needles_of(const std::vector<Key>& keys);

}  // namespace keyhold::memory
