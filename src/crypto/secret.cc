#include "crypto/secret.h"

#include <cstring>

#include <openssl/crypto.h>

#include "crypto/fatal.h"
#include "crypto/secret_pool.h"

namespace keyhold::crypto {

void wipe(MutableByteView bytes) {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<SecretBlock> SecretBlock::allocate(std::size_t size_bytes) {
  require(size_bytes > 0, "a secret block of no bytes");
  KEYHOLD_TRY_ASSIGN(std::uint8_t* const data, SecretPool::instance().allocate(size_bytes));
  return SecretBlock(data, size_bytes);
}

SecretBlock& SecretBlock::operator=(SecretBlock&& other) noexcept {
  if (this == &other) return *this;
  release();
  data_ = std::exchange(other.data_, nullptr);
  size_bytes_ = std::exchange(other.size_bytes_, 0);
  return *this;
}

void SecretBlock::release() {
  if (data_ == nullptr) return;
  SecretPool::instance().release(std::exchange(data_, nullptr), std::exchange(size_bytes_, 0));
}

Result<Key256> Key256::allocate() {
  KEYHOLD_TRY_ASSIGN(SecretBlock block, SecretBlock::allocate(kSizeBytes));
  return Key256(std::move(block));
}

Result<Key256> Key256::generate(Random& random) {
  KEYHOLD_TRY_ASSIGN(Key256 key, allocate());
  random.fill(key.bytes(SecretAccess::grant()));
  return key;
}

Result<Key256> Key256::copy_of(ByteView bytes, SecretAccess access) {
  require(bytes.size() == kSizeBytes, "a 256-bit key is 32 bytes");
  KEYHOLD_TRY_ASSIGN(Key256 key, allocate());
  copy_bytes(bytes, key.bytes(access));
  return key;
}

Result<Key256> Key256::clone() const {
  require(!empty(), "a copy of an empty key");
  return copy_of(bytes(SecretAccess::grant()), SecretAccess::grant());
}

void warn_of_secret_memory_limit() {
  SecretPool::instance().warn_of_limit();
}

SecretMemoryUse secret_memory_use() {
  return SecretPool::instance().use();
}

}  // namespace keyhold::crypto
