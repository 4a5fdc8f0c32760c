#include "store/scratch.h"

namespace keyhold::store {
namespace {

struct alignas(4096) Buffer {
  std::array<std::uint8_t, kScratchSizeBytes> bytes;
};

// A plain pointer, so that it can be used for as long as the thread runs: an engine that is a
// static object writes its log while the main thread's other thread_local objects are gone already.
thread_local Buffer* buffer = nullptr;

struct Janitor {
  ~Janitor() {
    delete buffer;
    buffer = nullptr;
  }
};

}  // namespace

MutableByteView thread_scratch() {
  if (buffer == nullptr) {
    thread_local const Janitor janitor;
    // Left uninitialised: pages that are never used are never touched.
    buffer = new Buffer;
  }
  return buffer->bytes;
}

}  // namespace keyhold::store
