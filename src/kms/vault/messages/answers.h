// What Vault answers when it does what it was asked (status 200). Sans-I/O; thread-safe. Each
// parser takes anything, and fails with Code::invalid_argument on what is not such an answer; no
// message holds any of the text.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/wiped_string.h"
#include "kms/client.h"

namespace keyhold::kms::vault {

struct Token {
  WipedString value;
  std::chrono::seconds lifetime{0};  // zero: it does not end
  bool revocable = true;             // a batch token is not
};

struct TransitKey {
  std::string type;  // aes256-gcm96, …
  std::uint32_t latest_version = 0;
  std::uint32_t min_decryption_version = 0;
  bool derived = false;
  bool soft_deleted = false;  // OpenBao's
  bool deletion_allowed = false;
  std::string request_id;
};

struct Ciphertext {
  std::uint32_t version = 0;
  std::string_view text;  // the whole: vault:vN:BASE64
};

// Takes the token out of the body.
keyhold::Result<Token> parse_login(WipedString& body);
keyhold::Result<TransitKey> parse_key(std::string_view body);
// algorithm is left empty.
keyhold::Result<WrappedKey> parse_encrypt(std::string_view body);
// Takes the key out of the body. key_version is left empty.
keyhold::Result<UnwrappedKey> parse_decrypt(WipedString& body);

// What encrypt gave for a 256-bit key under an AEAD: vault:vN:BASE64, N from 1 in plain decimal, of
// the nonce, 32 bytes and the tag (60 or 72 bytes). Stricter than Vault, which takes v0
// for v1 and base64 whose last bits are not zero.
keyhold::Result<Ciphertext> parse_ciphertext(ByteView ciphertext);

}  // namespace keyhold::kms::vault
