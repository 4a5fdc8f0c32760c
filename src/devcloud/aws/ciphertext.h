// What Encrypt gives: enough to find key and material again, sealed with the encryption context.
//
//   offset size
//   0      4    "KDC" and 1
//   4      1    n: size of the key id
//   5      n    key id
//   5+n    32   material id
//   37+n   …    salt, ciphertext, tag (sealer.h); AAD: all before it, then the encryption context
//
// The context as AAD: per pair, sorted by name, the sizes of name and value (4 bytes each, little
// endian) and both: injective. Sans-I/O.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"
#include "crypto/secret.h"

namespace keyhold::devcloud::aws {

using EncryptionContext = std::map<std::string, std::string>;

struct Ciphertext {
  std::string key_id;
  std::string material_id;  // 64 hexadecimal digits
  ByteView header;
  ByteView sealed;
};

// The views are into `blob`. Nothing where it is no ciphertext of this cloud.
std::optional<Ciphertext> parse_ciphertext(ByteView blob);

Result<ByteVector> encrypt(const crypto::Key256& key, const std::string& key_id,
                           const std::string& material_id, ByteView plaintext,
                           const EncryptionContext& context, crypto::Random& random);
// Code::integrity where key, context or bytes are not those of the encryption.
Result<ByteVector> decrypt(const crypto::Key256& key, const Ciphertext& ciphertext,
                           const EncryptionContext& context);

}  // namespace keyhold::devcloud::aws
