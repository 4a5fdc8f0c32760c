// The system calls under the secret pool. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace keyhold::crypto {

// Zeroed pages between two inaccessible ones, left out of core files (MADV_DONTDUMP) and, where the
// kernel can, wiped in a child of fork(2) (MADV_WIPEONFORK); not yet locked. REQUIRES: size_bytes
// is a multiple of the page size.
Result<std::uint8_t*> map_guarded(std::size_t size_bytes);
void unmap_guarded(std::uint8_t* base, std::size_t size_bytes);

// False, with errno, where mlock(2) refuses.
bool lock_pages(std::uint8_t* base, std::size_t size_bytes);
void unlock_pages(std::uint8_t* base, std::size_t size_bytes);
// Gives the frames of unlocked pages back; the next use finds zeroed ones.
void drop_content(std::uint8_t* base, std::size_t size_bytes);

// RLIMIT_MEMLOCK's soft limit; SIZE_MAX where unlimited or under CAP_IPC_LOCK.
std::size_t memory_lock_limit_bytes();

// Code::permission: what was wanted, the limit, what the pool holds, and how to raise it.
tl::unexpected<Error> memory_lock_failure(int error_number, std::size_t wanted_bytes,
                                          std::size_t locked_bytes);

// What to log when the pool comes near the limit.
std::string memory_lock_warning(std::size_t locked_bytes);

// Under AddressSanitizer free blocks are poisoned, so that use after release is found; else
// nothing.
void allow_access(const std::uint8_t* base, std::size_t size_bytes);
void forbid_access(const std::uint8_t* base, std::size_t size_bytes);

}  // namespace keyhold::crypto
