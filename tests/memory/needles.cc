#include "needles.h"

#include <algorithm>

namespace keyhold::memory {
namespace {

Bytes16 words_turned(Bytes16 bytes) {
  for (std::size_t i = 0; i < 16; i += 4) std::reverse(bytes.begin() + i, bytes.begin() + i + 4);
  return bytes;
}

Bytes16 halves_turned(Bytes16 bytes) {
  std::reverse(bytes.begin(), bytes.begin() + 8);
  std::reverse(bytes.begin() + 8, bytes.end());
  return bytes;
}

Bytes16 halves_exchanged(Bytes16 bytes) {
  std::swap_ranges(bytes.begin(), bytes.begin() + 8, bytes.begin() + 8);
  return bytes;
}

Bytes16 turned(Bytes16 bytes) {
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

class Collector {
 public:
  Collector(std::vector<Needle>& out, std::size_t key) : out_(out), key_(key) {}

  void add(const char* kind, const Bytes16& bytes) { out_.push_back({bytes, kind, key_}); }
  void add_words(const char* kind, const Bytes16& bytes) {
    add(kind, bytes);
    add(kind, words_turned(bytes));
  }

  void add_schedules(const RoundKeys& round_keys) {
    for (std::size_t i = 0; i < round_keys.size(); ++i) {
      add_words(i < 2 ? "key" : "aes-encrypt", round_keys[i]);
      if (i > 0 && i < 14) add_words("aes-decrypt", inverse_mix_columns(round_keys[i]));
    }
  }

  void add_ghash(const Bytes16& h) {
    add("ghash", h);
    add("ghash", turned(h));
    add("ghash", halves_turned(h));
    Bytes16 power = h;
    for (int i = 0; i < kGhashPowers; ++i, power = multiply(power, h)) {
      add("ghash", for_carryless_multiplication(power));
      add("ghash", halves_exchanged(for_carryless_multiplication(power)));
    }
  }

  void add_hmac(const Bytes32& key, std::uint8_t pad) {
    const Sha256State state = hmac_state(key, pad);
    for (std::size_t half = 0; half < 2; ++half) {
      Bytes16 words{};
      Bytes16 padded{};
      for (std::size_t i = 0; i < 16; ++i) {
        words[i] = static_cast<std::uint8_t>(state[4 * half + i / 4] >> (8 * (i % 4)));
        padded[i] = key[16 * half + i] ^ pad;
      }
      add_words("hmac-state", words);
      add("hmac-pad", padded);
    }
  }

 private:
  std::vector<Needle>& out_;
  std::size_t key_;
};

}  // namespace

std::vector<Needle> needles_of(const std::vector<Key>& keys) {
  std::vector<Needle> out;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Collector collector(out, i);
    const RoundKeys round_keys = expand_key(keys[i].bytes);
    collector.add_schedules(round_keys);
    collector.add_ghash(encrypt_block(round_keys, {}));
    collector.add_hmac(keys[i].bytes, 0x36);
    collector.add_hmac(keys[i].bytes, 0x5c);
  }
  return out;
}

}  // namespace keyhold::memory
