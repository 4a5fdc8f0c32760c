// Holds one key in every form in which OpenSSL and libipsec-mb keep one, so that the search can be
// shown to find them. Reads 64 hexadecimal digits from standard input, says "holding", and at the
// next line gives all back the way the libraries do, says "released", and waits for the end of
// input.
//
//   key_holder openssl|ipsec-mb FORM
//     FORM, openssl: gcm, ecb-encrypt, cbc-decrypt, xts, hmac; ipsec-mb: gcm, encrypt, decrypt, hmac
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace {

using Key = std::array<std::uint8_t, 32>;

void must(bool done) {
  if (done) return;
  std::fputs("key_holder: a library failed\n", stderr);
  std::exit(1);
}

// Reads it digit by digit: no buffer of a stream's keeps a copy.
Key read_key() {
  Key key{};
  for (std::uint8_t& byte : key) {
    std::array<char, 2> digits{};
    must(std::fread(digits.data(), 1, 2, stdin) == 2);
    must(std::from_chars(digits.data(), digits.data() + 2, byte, 16).ec == std::errc());
  }
  must(std::getc(stdin) == '\n');
  return key;
}

void say_and_wait(const char* word) {
  std::printf("%s\n", word);
  std::fflush(stdout);
  while (true) {
    const int c = std::getc(stdin);
    if (c == '\n' || c == EOF) return;
  }
}

void hold_openssl_cipher(const char* name, bool encrypt, Key& key) {
  EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  std::array<std::uint8_t, 64> keys{};
  for (std::size_t i = 0; i < 32; ++i) {
    keys[i] = key[i];
    keys[32 + i] = static_cast<std::uint8_t>(~key[i]);  // XTS wants two, and not twice the same
  }
  const std::array<std::uint8_t, 16> iv{};
  must(EVP_CipherInit_ex2(context, cipher, keys.data(), iv.data(), encrypt ? 1 : 0, nullptr) == 1);
  OPENSSL_cleanse(keys.data(), keys.size());
  OPENSSL_cleanse(key.data(), key.size());
  std::array<std::uint8_t, 4096> data{};
  data.fill(7);  // E(0) is GHASH's key
  int size = 0;
  must(EVP_CipherUpdate(context, data.data(), &size, data.data(), data.size()) == 1);
  say_and_wait("holding");
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(cipher);
}

void hold_openssl_hmac(Key& key) {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                   OSSL_PARAM_construct_end()};
  must(EVP_MAC_init(context, key.data(), key.size(), parameters) == 1);
  OPENSSL_cleanse(key.data(), key.size());
  say_and_wait("holding");
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
}

template <typename State, typename Fill>
void hold_ipsec_mb(Key& key, const Fill& fill) {
  IMB_MGR* const manager = ::alloc_mb_mgr(0);
  must(manager != nullptr);
  ::init_mb_mgr_auto(manager, nullptr);
  auto state = std::make_unique<State>();
  fill(manager, *state);
  OPENSSL_cleanse(key.data(), key.size());
  say_and_wait("holding");
  OPENSSL_cleanse(state.get(), sizeof *state);
  ::free_mb_mgr(manager);
}

struct alignas(64) Schedules {
  std::array<std::uint8_t, 240> encryption;
  std::array<std::uint8_t, 240> decryption;
};
struct alignas(64) Pads {
  std::array<std::uint8_t, 32> inner;
  std::array<std::uint8_t, 32> outer;
};

void hold_schedule(Key& key, bool encryption) {
  hold_ipsec_mb<Schedules>(key, [&](IMB_MGR* manager, Schedules& state) {
    IMB_AES_KEYEXP_256(manager, key.data(), state.encryption.data(), state.decryption.data());
    auto& other = encryption ? state.decryption : state.encryption;
    OPENSSL_cleanse(other.data(), other.size());
  });
}

// The library hashes one block: the padded key.
void hold_ipsec_mb_hmac(Key& key) {
  hold_ipsec_mb<Pads>(key, [&](IMB_MGR* manager, Pads& state) {
    std::array<std::uint8_t, 64> block{};
    const auto half = [&](std::uint8_t pad, std::uint8_t* out) {
      for (std::size_t i = 0; i < 64; ++i) {
        block[i] = static_cast<std::uint8_t>((i < 32 ? key[i] : 0) ^ pad);
      }
      IMB_SHA256_ONE_BLOCK(manager, block.data(), out);
    };
    half(0x36, state.inner.data());
    half(0x5c, state.outer.data());
    OPENSSL_cleanse(block.data(), block.size());
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string form = argc == 3 ? std::string(argv[1]) + " " + argv[2] : "";
  std::setvbuf(stdin, nullptr, _IONBF, 0);
  Key key = read_key();
  if (form == "openssl gcm") {
    hold_openssl_cipher("AES-256-GCM", true, key);
  } else if (form == "openssl ecb-encrypt") {
    hold_openssl_cipher("AES-256-ECB", true, key);
  } else if (form == "openssl cbc-decrypt") {
    hold_openssl_cipher("AES-256-CBC", false, key);
  } else if (form == "openssl xts") {
    hold_openssl_cipher("AES-256-XTS", false, key);
  } else if (form == "openssl hmac") {
    hold_openssl_hmac(key);
  } else if (form == "ipsec-mb gcm") {
    hold_ipsec_mb<gcm_key_data>(key, [&](IMB_MGR* manager, gcm_key_data& state) {
      IMB_AES256_GCM_PRE(manager, key.data(), &state);
    });
  } else if (form == "ipsec-mb encrypt" || form == "ipsec-mb decrypt") {
    hold_schedule(key, form == "ipsec-mb encrypt");
  } else if (form == "ipsec-mb hmac") {
    hold_ipsec_mb_hmac(key);
  } else {
    return 2;
  }
  say_and_wait("released");
  return 0;
}
