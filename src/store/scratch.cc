#include "store/scratch.h"

#include <memory>

namespace keyhold::store {
namespace {

struct alignas(4096) Buffer {
  std::array<std::uint8_t, kScratchSizeBytes> bytes;
};

}  // namespace

MutableByteView thread_scratch() {
  // Left uninitialised: pages that are never used are never touched.
  thread_local const std::unique_ptr<Buffer> buffer(new Buffer);
  return buffer->bytes;
}

}  // namespace keyhold::store
