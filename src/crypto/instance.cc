#include "crypto/instance.h"

#include <atomic>
#include <new>

#include <pthread.h>
#include <sys/mman.h>

#include "crypto/fatal.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kPageSizeBytes = 4096;

std::atomic<std::uint64_t> instance_number{1};

using Witness = std::atomic<unsigned char>;
static_assert(sizeof(Witness) == 1 && Witness::is_always_lock_free);

// 1, until the kernel wipes the page in a child.
Witness* make_witness() {
  void* const page =
      ::mmap(nullptr, kPageSizeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(page != MAP_FAILED, "no memory for the witness of forks");
  // Kernels and sandboxes without it still run the C library's fork handlers.
  if (::madvise(page, kPageSizeBytes, MADV_WIPEONFORK) != 0) {
    ::pthread_atfork(nullptr, nullptr, notify_cloned);
  }
  return new (page) Witness(1);
}

}  // namespace

std::uint64_t memory_instance() {
  static Witness* const witness = make_witness();
  if (witness->load(std::memory_order_acquire) == 0) {
    // The number rises first: whoever sees the witness set again sees the new number. Two threads
    // may both raise it; nothing is lost by that.
    notify_cloned();
    witness->store(1, std::memory_order_release);
  }
  return instance_number.load(std::memory_order_acquire);
}

void notify_cloned() {
  instance_number.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace keyhold::crypto
