#include <algorithm>
#include <memory>
#include <new>

#include <openssl/evp.h>

#include "crypto/block_prf.h"
#include "crypto/fatal.h"
#include "crypto/openssl_contexts.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kLargestUpdateBytes = std::size_t{1} << 30;  // EVP counts bytes in an int

OpensslContexts& contexts_in(ByteView state) {
  return *std::launder(reinterpret_cast<OpensslContexts*>(const_cast<std::uint8_t*>(state.data())));
}

Status expand(ByteView key, MutableByteView state) {
  static const EVP_CIPHER* const cipher = fetched_cipher("AES-256-ECB");
  auto* const contexts = new (state.data()) OpensslContexts(cipher, key);
  if (contexts->prepare()) return {};
  std::destroy_at(contexts);
  return fail(Code::internal, "OpenSSL makes no AES-256 context");
}

void evaluate(ByteView state, ByteView input, MutableByteView output) {
  const OpensslContexts::Lease lease(contexts_in(state));
  int written = 0;
  while (!input.empty()) {
    const std::size_t size = std::min(input.size(), kLargestUpdateBytes);
    const int done = EVP_EncryptUpdate(lease.get(), output.data(), &written, input.data(),
                                       static_cast<int>(size));
    require(done == 1 && static_cast<std::size_t>(written) == size, "AES-256 failed in OpenSSL");
    input = input.subspan(size);
    output = output.subspan(size);
  }
}

void destroy(MutableByteView state) {
  std::destroy_at(&contexts_in(state));
}

}  // namespace

const BlockPrfBackend& openssl_block_prf() {
  static constexpr BlockPrfBackend kBackend = {
      .name = "openssl",
      .state_size_bytes = sizeof(OpensslContexts),
      .expand = expand,
      .evaluate = evaluate,
      .destroy = destroy,
  };
  return kBackend;
}

}  // namespace keyhold::crypto
