#include "crypto/random.h"

#include <cerrno>

#include <sys/random.h>

#include "crypto/fatal.h"

namespace keyhold::crypto {
namespace {

class KernelRandom final : public Random {
 public:
  void fill(MutableByteView out) override {
    while (!out.empty()) {
      const ssize_t got = ::getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      // Only a kernel or a sandbox without the call can fail it; there are no keys without it.
      if (got < 0) fatal("getrandom(2) is refused: no key can be made");
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }
};

}  // namespace

// Never destroyed: an engine's threads may still run while the process exits.
Random& system_random() {
  static auto* const random = new KernelRandom;
  return *random;
}

}  // namespace keyhold::crypto
