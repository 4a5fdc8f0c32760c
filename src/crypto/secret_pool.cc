#include "crypto/secret_pool.h"

#include <bit>
#include <cerrno>

#include <pthread.h>

#include "base/log.h"
#include "crypto/fatal.h"
#include "crypto/locked_memory.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kChunkSizeBytes = SecretPool::kChunkPages * SecretPool::kPageSizeBytes;
constexpr std::size_t kLargestBlockBytes = SecretPool::kMinBlockSizeBytes
                                           << (SecretPool::kSizeClasses - 1);

std::size_t whole_pages(std::size_t size_bytes) {
  constexpr std::size_t kMask = SecretPool::kPageSizeBytes - 1;
  return (size_bytes + kMask) & ~kMask;
}

}  // namespace

SecretPool& SecretPool::instance() {
  static SecretPool* const pool = [] {
    auto* const made = new SecretPool;
    made->register_fork_handlers();
    return made;
  }();
  return *pool;
}

void SecretPool::register_fork_handlers() {
  ::pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] {
                     instance().empty_in_child();
                     instance().mutex_.unlock();
                   });
}

// Where the kernel knows no MADV_WIPEONFORK the pages are still full. Locking fails silently where
// the child may lock less than its parent: a child of fork in a program with threads can do nothing
// about it, not even log.
void SecretPool::empty_in_child() {
  for (const auto& [base, chunk] : chunks_) {
    drop_content(base, kChunkSizeBytes);
    for (const Page& page : chunk->pages) {
      if (!unlocked_.contains(const_cast<Page*>(&page))) {
        (void)lock_pages(page.base, kPageSizeBytes);
      }
    }
  }
  for (const auto& [base, size_bytes] : large_) {
    drop_content(base, size_bytes);
    (void)lock_pages(base, size_bytes);
  }
}

std::size_t SecretPool::size_class_of(std::size_t size_bytes) {
  const std::size_t blocks = (size_bytes + kMinBlockSizeBytes - 1) / kMinBlockSizeBytes;
  return static_cast<std::size_t>(std::bit_width(blocks - 1));
}

std::uint64_t SecretPool::full_mask(std::size_t size_class) {
  const std::size_t blocks = kPageSizeBytes / block_size(size_class);
  return blocks == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << blocks) - 1;
}

Result<std::uint8_t*> SecretPool::allocate(std::size_t size_bytes) {
  const std::lock_guard guard(mutex_);
  if (size_bytes > kLargestBlockBytes) return allocate_large(size_bytes);
  return allocate_block(size_class_of(size_bytes));
}

void SecretPool::warn_of_limit() {
  if (!warning_due_.load(std::memory_order_relaxed)) return;
  std::size_t locked_bytes = 0;
  {
    const std::lock_guard guard(mutex_);
    if (!warning_due_.exchange(false)) return;
    locked_bytes = locked_bytes_;
  }
  log::warning(memory_lock_warning(locked_bytes));
}

// Once a process, while there is still time to raise the limit.
void SecretPool::look_at_limit() {
  if (has_warned_ || locked_bytes_ < memory_lock_limit_bytes() / 10 * kWarnAtTenths) return;
  has_warned_ = true;
  warning_due_ = true;
}

void SecretPool::release(std::uint8_t* data, std::size_t size_bytes) {
  const std::lock_guard guard(mutex_);
  if (size_bytes > kLargestBlockBytes) return release_large(data, size_bytes);
  release_block(data, size_class_of(size_bytes));
}

Result<std::uint8_t*> SecretPool::allocate_block(std::size_t size_class) {
  auto& with_room = with_room_[size_class];
  if (with_room.empty()) {
    KEYHOLD_TRY_ASSIGN(Page* const fresh, take_page());
    fresh->size_class = size_class;
    with_room.insert(fresh);
  }
  Page& page = **with_room.begin();
  const int index = std::countr_one(page.taken);
  page.taken |= std::uint64_t{1} << index;
  if (page.taken == full_mask(size_class)) with_room.erase(&page);
  used_bytes_ += block_size(size_class);
  std::uint8_t* const data = page.base + static_cast<std::size_t>(index) * block_size(size_class);
  allow_access(data, block_size(size_class));
  return data;
}

void SecretPool::release_block(std::uint8_t* data, std::size_t size_class) {
  const auto chunk = chunk_of(data);
  const auto offset = static_cast<std::size_t>(data - chunk->first);
  Page& page = chunk->second->pages[offset / kPageSizeBytes];
  const std::uint64_t bit = std::uint64_t{1} << (offset % kPageSizeBytes / block_size(size_class));
  require(page.size_class == size_class && (page.taken & bit) != 0,
          "a secret block is released that was not taken");
  wipe({data, block_size(size_class)});
  forbid_access(data, block_size(size_class));
  page.taken &= ~bit;
  used_bytes_ -= block_size(size_class);
  if (page.taken != 0) {
    with_room_[size_class].insert(&page);
    return;
  }
  with_room_[size_class].erase(&page);
  return_page(page);
}

Result<std::uint8_t*> SecretPool::allocate_large(std::size_t size_bytes) {
  const std::size_t mapped = whole_pages(size_bytes);
  KEYHOLD_TRY_ASSIGN(std::uint8_t* const base, map_guarded(mapped));
  if (auto locked = lock(base, mapped); !locked) {
    unmap_guarded(base, mapped);
    return fail(std::move(locked).error());
  }
  large_.emplace(base, mapped);
  used_bytes_ += mapped;
  return base;
}

void SecretPool::release_large(std::uint8_t* data, std::size_t size_bytes) {
  require(large_.erase(data) == 1, "a secret block is released that was not taken");
  const std::size_t mapped = whole_pages(size_bytes);
  wipe({data, mapped});
  unlock(data, mapped);
  unmap_guarded(data, mapped);
  used_bytes_ -= mapped;
}

Result<SecretPool::Page*> SecretPool::take_page() {
  if (spare_ != nullptr) return std::exchange(spare_, nullptr);
  if (unlocked_.empty()) KEYHOLD_TRY(add_chunk());
  Page* const page = *unlocked_.begin();
  if (auto locked = lock(page->base, kPageSizeBytes); !locked) {
    drop_chunk_if_idle(*page);
    return fail(std::move(locked).error());
  }
  unlocked_.erase(page);
  ++chunk_of(page->base)->second->pages_locked;
  return page;
}

void SecretPool::return_page(Page& page) {
  if (spare_ == nullptr) {
    spare_ = &page;
    return;
  }
  unlock(page.base, kPageSizeBytes);
  --chunk_of(page.base)->second->pages_locked;
  unlocked_.insert(&page);
  drop_chunk_if_idle(page);
}

Status SecretPool::add_chunk() {
  KEYHOLD_TRY_ASSIGN(std::uint8_t* const base, map_guarded(kChunkSizeBytes));
  forbid_access(base, kChunkSizeBytes);
  auto chunk = std::make_unique<Chunk>();
  for (std::size_t i = 0; i < kChunkPages; ++i) {
    chunk->pages[i].base = base + i * kPageSizeBytes;
    unlocked_.insert(&chunk->pages[i]);
  }
  chunks_.emplace(base, std::move(chunk));
  return {};
}

void SecretPool::drop_chunk_if_idle(const Page& page) {
  const auto chunk = chunk_of(page.base);
  if (chunk->second->pages_locked != 0) return;
  for (Page& idle : chunk->second->pages) unlocked_.erase(&idle);
  allow_access(chunk->first, kChunkSizeBytes);
  unmap_guarded(chunk->first, kChunkSizeBytes);
  chunks_.erase(chunk);
}

std::map<std::uint8_t*, std::unique_ptr<SecretPool::Chunk>>::iterator SecretPool::chunk_of(
    const std::uint8_t* address) {
  auto chunk = chunks_.upper_bound(const_cast<std::uint8_t*>(address));
  require(chunk != chunks_.begin(), "an address that is not the secret pool's");
  --chunk;
  require(address < chunk->first + kChunkSizeBytes, "an address that is not the secret pool's");
  return chunk;
}

Status SecretPool::lock(std::uint8_t* base, std::size_t size_bytes) {
  if (!lock_pages(base, size_bytes)) return memory_lock_failure(errno, size_bytes, locked_bytes_);
  locked_bytes_ += size_bytes;
  look_at_limit();
  return {};
}

void SecretPool::unlock(std::uint8_t* base, std::size_t size_bytes) {
  unlock_pages(base, size_bytes);
  locked_bytes_ -= size_bytes;
}

SecretMemoryUse SecretPool::use() const {
  const std::lock_guard guard(mutex_);
  return {.locked_bytes = locked_bytes_,
          .used_bytes = used_bytes_,
          .limit_bytes = memory_lock_limit_bytes()};
}

}  // namespace keyhold::crypto
