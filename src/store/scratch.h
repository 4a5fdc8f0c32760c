// Ciphertext on its way between disk and cipher: one buffer a thread, so that open handles cost no
// memory for it.
#pragma once

#include "base/bytes.h"

namespace keyhold::store {

inline constexpr std::size_t kScratchSizeBytes = 256 * 1024;

// 4096-byte aligned, kScratchSizeBytes long; the calling thread's own until it calls again. Never
// holds plaintext or keys.
MutableByteView thread_scratch();

}  // namespace keyhold::store
