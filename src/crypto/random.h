// Randomness, passed in. Thread-safe.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"

namespace keyhold::crypto {

class Random {
 public:
  virtual ~Random() = default;
  // Fills `out` with random bytes; cannot fail (it waits for the kernel's generator at boot, then
  // never).
  virtual void fill(MutableByteView out) = 0;
};

// The kernel's generator, getrandom(2), asked anew at every call: no state in the process that a
// fork, a virtual machine's snapshot or a core file could copy.
Random& system_random();

template <typename Id>
Id random_id(Random& random) {
  std::array<std::uint8_t, Id::kSizeBytes> bytes{};
  random.fill(bytes);
  return Id(bytes);
}

}  // namespace keyhold::crypto
