// What AES-256, GCM and HMAC-SHA-256 keep of a key while it is in use, computed here from the
// standards alone, so that the search does not ask the libraries that it looks into.
#pragma once

#include <array>
#include <cstdint>

namespace keyhold::memory {

using Bytes16 = std::array<std::uint8_t, 16>;
using Bytes32 = std::array<std::uint8_t, 32>;
using RoundKeys = std::array<Bytes16, 15>;
using Sha256State = std::array<std::uint32_t, 8>;

// FIPS 197, 5.2.
RoundKeys expand_key(const Bytes32& key);
// FIPS 197, 5.1.
Bytes16 encrypt_block(const RoundKeys& keys, Bytes16 block);
// FIPS 197, 5.3.3: round keys 1 to 13 of the equivalent inverse cipher are this of the cipher's.
Bytes16 inverse_mix_columns(Bytes16 block);

// NIST SP 800-38D, 6.3.
Bytes16 multiply(const Bytes16& a, const Bytes16& b);
// Times x, in the reflected order that carry-less multiplication wants: a 128-bit number, least
// byte first. What GHASH by PCLMULQDQ keeps of each power of its key.
Bytes16 for_carryless_multiplication(const Bytes16& element);

// RFC 2104: SHA-256's state (FIPS 180-4, 6.2.2) after the block key XOR `pad`, which is 0x36 for
// the inner hash and 0x5c for the outer.
Sha256State hmac_state(const Bytes32& key, std::uint8_t pad);

}  // namespace keyhold::memory
