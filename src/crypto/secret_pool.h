// The pool behind SecretBlock.
//
// Chunks of 16 pages between two guard pages. A page is locked when the first block is taken from
// it and given back when the last one returns; one empty page stays locked for the next taker.
// A page holds blocks of one size class, 64 bytes to 4096 in powers of two: 64 keys of 256 bits
// share a page. What is larger gets a mapping of its own, guarded too. Bookkeeping lies outside the
// locked pages.
//
// A child of fork(2) finds all of it wiped (MADV_WIPEONFORK): the keys are its parent's. Blocks
// that were taken stay taken, and hold zeros. It inherits no locks either; the pool locks its pages
// again there, as far as the child's limit allows.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "base/error.h"
#include "crypto/secret.h"

namespace keyhold::crypto {

// Thread-safe.
class SecretPool {
 public:
  static constexpr std::size_t kPageSizeBytes = 4096;
  static constexpr std::size_t kChunkPages = 16;
  static constexpr std::size_t kMinBlockSizeBytes = 64;
  static constexpr std::size_t kWarnAtTenths = 7;  // of the limit
  static constexpr std::size_t kSizeClasses = 7;   // 64 << 0 … 64 << 6

  // The process's pool; never destroyed, so that keys in static objects may outlive everything.
  static SecretPool& instance();

  SecretPool() = default;
  SecretPool(const SecretPool&) = delete;
  SecretPool& operator=(const SecretPool&) = delete;

  // Zeroed, 64-byte aligned. Code::permission where no more may be locked: for as long as that is
  // so; what is released, or a limit raised meanwhile (prlimit), serves the next call. Logs
  // nothing: keys are made under locks that no log may hold up.
  Result<std::uint8_t*> allocate(std::size_t size_bytes);
  // REQUIRES: `data` came from allocate(size_bytes). Wipes.
  void release(std::uint8_t* data, std::size_t size_bytes);

  // Logs, once, that the pool has come near the limit. To be called where a log may block.
  void warn_of_limit();
  [[nodiscard]] SecretMemoryUse use() const;

 private:
  struct Page {
    std::uint8_t* base = nullptr;
    std::size_t size_class = 0;
    std::uint64_t taken = 0;  // one bit a block
  };
  struct Chunk {
    std::array<Page, kChunkPages> pages;
    std::size_t pages_locked = 0;
  };

  static std::size_t size_class_of(std::size_t size_bytes);
  static std::size_t block_size(std::size_t size_class) { return kMinBlockSizeBytes << size_class; }
  static std::uint64_t full_mask(std::size_t size_class);

  Result<std::uint8_t*> allocate_block(std::size_t size_class);
  Result<std::uint8_t*> allocate_large(std::size_t size_bytes);
  void release_block(std::uint8_t* data, std::size_t size_class);
  void release_large(std::uint8_t* data, std::size_t size_bytes);

  Result<Page*> take_page();
  void return_page(Page& page);
  Status add_chunk();
  void drop_chunk_if_idle(const Page& page);
  std::map<std::uint8_t*, std::unique_ptr<Chunk>>::iterator chunk_of(const std::uint8_t* address);
  void look_at_limit();
  Status lock(std::uint8_t* base, std::size_t size_bytes);
  void unlock(std::uint8_t* base, std::size_t size_bytes);

  void empty_in_child();
  void register_fork_handlers();

  mutable std::mutex mutex_;
  std::map<std::uint8_t*, std::unique_ptr<Chunk>> chunks_;  // by the first data page
  std::map<std::uint8_t*, std::size_t> large_;              // size in whole pages, in bytes
  std::array<std::set<Page*>, kSizeClasses> with_room_;     // pages that have a free block
  std::set<Page*> unlocked_;
  Page* spare_ = nullptr;  // locked, empty
  std::size_t locked_bytes_ = 0;
  std::size_t used_bytes_ = 0;
  bool has_warned_ = false;
  std::atomic<bool> warning_due_ = false;
};

}  // namespace keyhold::crypto
