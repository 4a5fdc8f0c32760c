#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  keyhold::fuzz::run({data, size_bytes});
  return 0;
}
