// The back ends of BlockPrf (kdf.h).
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace keyhold::crypto {

// As AeadBackend: `state` is the expanded key in secret memory. Thread-safe.
struct BlockPrfBackend {
  std::string_view name;
  std::size_t state_size_bytes;
  Status (*expand)(ByteView key, MutableByteView state);
  void (*evaluate)(ByteView state, ByteView input, MutableByteView output);
  void (*destroy)(MutableByteView state);
};

const BlockPrfBackend& openssl_block_prf();
// Null where this CPU cannot.
const BlockPrfBackend* ipsec_mb_block_prf();

}  // namespace keyhold::crypto
