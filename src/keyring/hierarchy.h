// What hangs from a KEK: DEKs and the MAC of the key ring. No files, no KMS.
#pragma once

#include <cstdint>
#include <map>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "format/keyring.h"

namespace keyhold::keyring {

using Deks = std::map<std::uint32_t, crypto::Key256>;  // by generation

// HMAC-SHA-256 under HKDF(KEK, salt: store id, info: the label).
Result<crypto::Mac> mac_under(const crypto::Key256& kek, const StoreId& store,
                              std::string_view label, ByteView message);

// The file of a record, MACed under the KEK.
Result<ByteVector> make_keyring_file(const format::KeyringRecord& record,
                                     const crypto::Key256& kek);
// Code::integrity where somebody without the KEK made the file.
Status verify_keyring_file(ByteView file, const format::ParsedKeyring& parsed,
                           const crypto::Key256& kek);

struct MadeKek {
  format::KeyringKek record;
  crypto::Key256 key;
};
Result<MadeKek> make_kek(const KeyId& id, std::uint32_t version, std::uint64_t created,
                         crypto::Random& random);

// Makes the next generation, wraps it under the KEK and appends it to the record.
Result<crypto::Key256> append_dek(format::KeyringRecord& record, const crypto::Key256& kek,
                                  std::uint64_t created, crypto::Random& random);

// All of them, each checked.
Result<Deks> unwrap_deks(const format::KeyringRecord& record, const crypto::Key256& kek);

// Wraps every DEK of the record anew, under record.kek. REQUIRES: `deks` has them all.
Status rewrap_deks(format::KeyringRecord& record, const Deks& deks, const crypto::Key256& kek,
                   crypto::Random& random);

}  // namespace keyhold::keyring
