// Secret bytes: keys and whatever is derived from them.
//
// Memory: pages of their own, locked in RAM (mlock), left out of core files (MADV_DONTDUMP), wiped
// when released. Types: move-only; no formatter, no stream operator, no comparison but
// equal_constant_time. Access: the bytes are reached only with a SecretAccess; the folders that may
// make one are listed in the tidy test. Thread safety: the pool is thread-safe; one object is not.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"

namespace keyhold::crypto {

// The right to touch secret bytes. Making one is a statement that a reviewer finds by searching for
// its name.
class SecretAccess {
 public:
  static constexpr SecretAccess grant() { return SecretAccess(); }

 private:
  constexpr SecretAccess() = default;
};

// Overwrites in a way that the compiler may not leave out.
void wipe(MutableByteView bytes);

// False where the lengths differ. Takes the same time wherever the first difference stands.
bool equal_constant_time(ByteView a, ByteView b);

// A block of locked memory. Fails with Code::permission when the process may not lock more
// (RLIMIT_MEMLOCK); the message names the limit, what is in use, and how to raise it.
class SecretBlock {
 public:
  // 64-byte aligned, zeroed.
  static Result<SecretBlock> allocate(std::size_t size_bytes);

  SecretBlock() = default;
  SecretBlock(SecretBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  SecretBlock& operator=(SecretBlock&& other) noexcept;
  SecretBlock(const SecretBlock&) = delete;
  SecretBlock& operator=(const SecretBlock&) = delete;
  ~SecretBlock() { release(); }

  [[nodiscard]] std::size_t size() const { return size_bytes_; }
  [[nodiscard]] bool empty() const { return data_ == nullptr; }
  [[nodiscard]] ByteView bytes(SecretAccess) const { return {data_, size_bytes_}; }
  [[nodiscard]] MutableByteView bytes(SecretAccess) { return {data_, size_bytes_}; }

  // Wipes and gives the memory back; the object is empty afterwards.
  void release();

 private:
  SecretBlock(std::uint8_t* data, std::size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}
  std::uint8_t* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

// A 256-bit key. Never empty unless moved from or wiped.
class Key256 {
 public:
  static constexpr std::size_t kSizeBytes = 32;

  Key256() = default;  // empty
  static Result<Key256> generate(Random& random);
  // Zeroed, to be filled through bytes(): for bytes that arrive from a KMS or a socket.
  static Result<Key256> allocate();
  // REQUIRES: bytes.size() == 32. The caller wipes its own copy.
  static Result<Key256> copy_of(ByteView bytes, SecretAccess);
  [[nodiscard]] Result<Key256> clone() const;

  [[nodiscard]] bool empty() const { return block_.empty(); }
  [[nodiscard]] ByteView bytes(SecretAccess access) const { return block_.bytes(access); }
  [[nodiscard]] MutableByteView bytes(SecretAccess access) { return block_.bytes(access); }
  void release() { block_.release(); }

 private:
  explicit Key256(SecretBlock block) : block_(std::move(block)) {}
  SecretBlock block_;
};

struct SecretMemoryUse {
  std::size_t locked_bytes;  // pages locked by the pool
  std::size_t used_bytes;    // handed out of them
  std::size_t limit_bytes;  // RLIMIT_MEMLOCK; SIZE_MAX where unlimited or privileged (CAP_IPC_LOCK)
};
SecretMemoryUse secret_memory_use();
// Logs, once, where more than 70 % of the limit are locked. Call it now and then where a log may
// block, so outside the guard of a seal.
void warn_of_secret_memory_limit();

}  // namespace keyhold::crypto
