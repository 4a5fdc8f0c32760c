#include "crypto/instance.h"

#include <atomic>
#include <new>

#include <pthread.h>
#include <sys/mman.h>

#include "crypto/fatal.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kPageSizeBytes = 4096;

std::atomic<std::uint64_t> clones{0};
// No lower than the witness; a child inherits it.
std::atomic<std::uint64_t> newest_process{1};

using Witness = std::atomic<std::uint64_t>;
static_assert(Witness::is_always_lock_free);

// Set by make_witness().
Witness* forgets = nullptr;

// The number of this process, until the kernel wipes the page in a child.
Witness* make_witness() {
  void* const page =
      ::mmap(nullptr, kPageSizeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(page != MAP_FAILED, "no memory for the witness of forks");
  forgets = new (page) Witness(newest_process.load());
  // Kernels and sandboxes without it still run the C library's fork handlers.
  if (::madvise(page, kPageSizeBytes, MADV_WIPEONFORK) != 0) {
    ::pthread_atfork(nullptr, nullptr, [] { forgets->store(0); });
  }
  return forgets;
}

}  // namespace

std::uint64_t process_instance() {
  static Witness* const witness = make_witness();
  std::uint64_t number = witness->load(std::memory_order_acquire);
  if (number != 0) return number;
  // Of several threads one gives the number; a grandchild's is higher, whenever it comes.
  const std::uint64_t next = newest_process.fetch_add(1) + 1;
  return witness->compare_exchange_strong(number, next) ? next : number;
}

// Either number only rises, so their sum changes with each of them.
std::uint64_t memory_instance() {
  return process_instance() + clones.load(std::memory_order_acquire);
}

void notify_cloned() {
  clones.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace keyhold::crypto
