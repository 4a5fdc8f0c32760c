#include "crypto/locked_memory.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/secret_pool.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEYHOLD_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KEYHOLD_ASAN 1
#endif
#if defined(KEYHOLD_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace keyhold::crypto {
namespace {

constexpr std::size_t kGuardSizeBytes = SecretPool::kPageSizeBytes;

bool may_lock_without_limit() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

rlim_t soft_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  return limit.rlim_cur;
}

std::string limit_text() {
  const rlim_t limit = soft_limit();
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit) + " bytes";
}

std::string how_to_raise() {
  return "raise the limit (ulimit -l, LimitMEMLOCK= in the systemd unit, or, for a process that "
         "runs, prlimit --memlock=BYTES --pid " +
         std::to_string(::getpid()) + ") or grant CAP_IPC_LOCK";
}

}  // namespace

Result<std::uint8_t*> map_guarded(std::size_t size_bytes) {
  const std::size_t mapped = size_bytes + 2 * kGuardSizeBytes;
  void* const mapping =
      ::mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return fail_errno(errno, "mapping memory for keys");
  std::uint8_t* const base = static_cast<std::uint8_t*>(mapping) + kGuardSizeBytes;
  if (::mprotect(base, size_bytes, PROT_READ | PROT_WRITE) == 0 &&
      ::madvise(base, size_bytes, MADV_DONTDUMP) == 0) {
    // Refused by old kernels and some sandboxes: there drop_content() does it, after fork(2).
    (void)::madvise(base, size_bytes, MADV_WIPEONFORK);
    return base;
  }
  const int error_number = errno;
  ::munmap(mapping, mapped);
  return fail_errno(error_number, "keeping memory for keys out of core files");
}

void unmap_guarded(std::uint8_t* base, std::size_t size_bytes) {
  ::munmap(base - kGuardSizeBytes, size_bytes + 2 * kGuardSizeBytes);
}

// The system calls themselves: the sanitizers replace the C library's mlock by nothing.
bool lock_pages(std::uint8_t* base, std::size_t size_bytes) {
  return ::syscall(SYS_mlock, base, size_bytes) == 0;
}

void unlock_pages(std::uint8_t* base, std::size_t size_bytes) {
  ::syscall(SYS_munlock, base, size_bytes);
  drop_content(base, size_bytes);
}

void drop_content(std::uint8_t* base, std::size_t size_bytes) {
  ::madvise(base, size_bytes, MADV_DONTNEED);
}

std::size_t memory_lock_limit_bytes() {
  const rlim_t limit = soft_limit();
  if (limit == RLIM_INFINITY || may_lock_without_limit()) return SIZE_MAX;
  return limit;
}

tl::unexpected<Error> memory_lock_failure(int error_number, std::size_t wanted_bytes,
                                          std::size_t locked_bytes) {
  return fail(Code::permission,
              "cannot lock " + std::to_string(wanted_bytes) +
                  " more bytes of memory for keys: " + std::strerror(error_number) +
                  "; RLIMIT_MEMLOCK is " + limit_text() + ", " + std::to_string(locked_bytes) +
                  " bytes hold keys already; close files, " + how_to_raise());
}

std::string memory_lock_warning(std::size_t locked_bytes) {
  return std::to_string(locked_bytes) +
         " bytes of memory are locked for keys, and RLIMIT_MEMLOCK is " + limit_text() +
         ": beyond it no further file can be opened; " + how_to_raise();
}

#if defined(KEYHOLD_ASAN)
void allow_access(const std::uint8_t* base, std::size_t size_bytes) {
  ASAN_UNPOISON_MEMORY_REGION(base, size_bytes);
}
void forbid_access(const std::uint8_t* base, std::size_t size_bytes) {
  ASAN_POISON_MEMORY_REGION(base, size_bytes);
}
#else
void allow_access(const std::uint8_t*, std::size_t) {}
void forbid_access(const std::uint8_t*, std::size_t) {}
#endif

}  // namespace keyhold::crypto
