#include "store/table_keys.h"

#include "crypto/kdf.h"
#include "crypto/labels.h"
#include "store/header_block.h"

namespace keyhold::store {
namespace {

Result<crypto::AeadKey> subkey(const crypto::Key256& secret, ByteView salt,
                               std::string_view label) {
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 key, crypto::hkdf_sha256(secret, salt, as_bytes(label)));
  return crypto::AeadKey::expand(key);
}

}  // namespace

const crypto::AeadKey& TableKeys::chunk_key(std::uint64_t chunk) const {
  std::size_t index = 0;
  while (index < slot_.switches.size() && chunk >= slot_.switches[index].first_chunk) ++index;
  return chunk_keys_[index];
}

Result<crypto::AeadKey> TableKeys::final_key(ByteView salt) const {
  return subkey(secret_, salt, crypto::labels::kTableTail);
}

void TableKeys::add_switch(const format::SubkeySwitch& next) {
  slot_.switches.push_back(next);
  const SealGuard::Use use(source().guard());
  // What is loaded lacks the new key: wiped under this class's own rules, it is derived at the next
  // use.
  forget();
}

Status TableKeys::load() {
  KEYHOLD_TRY_ASSIGN(secret_, file_secret(source(), slot_));
  chunk_keys_.clear();
  KEYHOLD_TRY_ASSIGN(crypto::AeadKey first, subkey(secret_, {}, crypto::labels::kTableChunks));
  chunk_keys_.push_back(std::move(first));
  for (const format::SubkeySwitch& next : slot_.switches) {
    KEYHOLD_TRY_ASSIGN(crypto::AeadKey key,
                       subkey(secret_, next.salt, crypto::labels::kTableChunks));
    chunk_keys_.push_back(std::move(key));
  }
  return {};
}

void TableKeys::wipe() {
  secret_.release();
  for (crypto::AeadKey& key : chunk_keys_) key.release();
}

}  // namespace keyhold::store
