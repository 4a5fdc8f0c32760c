#include "derived.h"

#include <bit>
#include <cstddef>

namespace keyhold::memory {
namespace {

using Word = std::array<std::uint8_t, 4>;

std::uint8_t times_x(std::uint8_t a) {
  return static_cast<std::uint8_t>((a << 1) ^ ((a & 0x80) != 0 ? 0x1b : 0));
}

std::uint8_t times(std::uint8_t a, unsigned b) {
  std::uint8_t product = 0;
  for (; b != 0; b >>= 1, a = times_x(a)) {
    if ((b & 1) != 0) product ^= a;
  }
  return product;
}

// FIPS 197, 5.1.1: the inverse in GF(2^8), which is the 254th power, then an affine map.
std::uint8_t substitute(std::uint8_t a) {
  std::uint8_t inverse = 1;
  for (int i = 0; i < 254; ++i) inverse = times(inverse, a);
  const auto rotated = [&](int by) { return std::rotl(inverse, by); };
  return static_cast<std::uint8_t>(inverse ^ rotated(1) ^ rotated(2) ^ rotated(3) ^ rotated(4) ^
                                   0x63);
}

std::array<std::uint8_t, 256> make_s_box() {
  std::array<std::uint8_t, 256> box{};
  for (unsigned a = 0; a < box.size(); ++a) box[a] = substitute(static_cast<std::uint8_t>(a));
  return box;
}

std::uint8_t s_box(std::uint8_t a) {
  static const std::array<std::uint8_t, 256> box = make_s_box();
  return box[a];
}

Bytes16 mix_columns(const Bytes16& in, const std::array<unsigned, 4>& row) {
  Bytes16 out{};
  for (std::size_t column = 0; column < 16; column += 4) {
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        out[column + i] ^= times(in[column + j], row[(j + 4 - i) % 4]);
      }
    }
  }
  return out;
}

Bytes16 substitute_and_shift(const Bytes16& in) {
  Bytes16 out{};
  for (std::size_t i = 0; i < 16; ++i) out[i] = s_box(in[(i + 4 * (i % 4)) % 16]);
  return out;
}

void add(Bytes16& to, const Bytes16& other) {
  for (std::size_t i = 0; i < 16; ++i) to[i] ^= other[i];
}

constexpr std::array<std::uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr Sha256State kFirstState = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

std::array<std::uint32_t, 64> message_schedule(const std::array<std::uint8_t, 64>& block) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t t = 0; t < 16; ++t) {
    for (std::size_t i = 0; i < 4; ++i) w[t] = (w[t] << 8) | block[4 * t + i];
  }
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  return w;
}

Sha256State compress(const Sha256State& from, const std::array<std::uint8_t, 64>& block) {
  const auto w = message_schedule(block);
  auto [a, b, c, d, e, f, g, h] = from;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRoundConstants[t] + w[t];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  return {from[0] + a, from[1] + b, from[2] + c, from[3] + d,
          from[4] + e, from[5] + f, from[6] + g, from[7] + h};
}

}  // namespace

RoundKeys expand_key(const Bytes32& key) {
  std::array<Word, 60> words{};
  std::uint8_t round = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i < 8) {
      words[i] = {key[4 * i], key[4 * i + 1], key[4 * i + 2], key[4 * i + 3]};
      continue;
    }
    Word word = words[i - 1];
    if (i % 8 == 0) word = {word[1], word[2], word[3], word[0]};
    if (i % 4 == 0) {
      for (std::uint8_t& byte : word) byte = s_box(byte);
    }
    if (i % 8 == 0) {
      word[0] ^= round;
      round = times_x(round);
    }
    for (std::size_t j = 0; j < 4; ++j) words[i][j] = words[i - 8][j] ^ word[j];
  }
  RoundKeys keys{};
  for (std::size_t i = 0; i < 240; ++i) keys[i / 16][i % 16] = words[i / 4][i % 4];
  return keys;
}

Bytes16 encrypt_block(const RoundKeys& keys, Bytes16 block) {
  add(block, keys[0]);
  for (std::size_t round = 1; round < 14; ++round) {
    block = mix_columns(substitute_and_shift(block), {2, 3, 1, 1});
    add(block, keys[round]);
  }
  block = substitute_and_shift(block);
  add(block, keys[14]);
  return block;
}

Bytes16 inverse_mix_columns(Bytes16 block) {
  return mix_columns(block, {14, 11, 13, 9});
}

Bytes16 multiply(const Bytes16& a, const Bytes16& b) {
  Bytes16 product{};
  Bytes16 shifted = b;
  for (std::size_t bit = 0; bit < 128; ++bit) {
    if ((a[bit / 8] >> (7 - bit % 8) & 1) != 0) add(product, shifted);
    const bool carry = (shifted[15] & 1) != 0;
    for (std::size_t i = 15; i > 0; --i) {
      shifted[i] = static_cast<std::uint8_t>((shifted[i] >> 1) | (shifted[i - 1] << 7));
    }
    shifted[0] = static_cast<std::uint8_t>((shifted[0] >> 1) ^ (carry ? 0xe1 : 0));
  }
  return product;
}

Bytes16 for_carryless_multiplication(const Bytes16& element) {
  Bytes16 number{};
  std::uint8_t carry = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint8_t byte = element[15 - i];
    number[i] = static_cast<std::uint8_t>((byte << 1) | carry);
    carry = byte >> 7;
  }
  if (carry != 0) {
    number[0] ^= 0x01;
    number[15] ^= 0xc2;
  }
  return number;
}

Sha256State hmac_state(const Bytes32& key, std::uint8_t pad) {
  std::array<std::uint8_t, 64> block{};
  for (std::size_t i = 0; i < 64; ++i) {
    block[i] = static_cast<std::uint8_t>((i < 32 ? key[i] : 0) ^ pad);
  }
  return compress(kFirstState, block);
}

}  // namespace keyhold::memory
