#include "crypto/block_prf.h"

#include "crypto/backend_choice.h"
#include "crypto/fatal.h"
#include "crypto/kdf.h"
#include "crypto/wiped.h"

namespace keyhold::crypto {

Result<BlockPrf> BlockPrf::create(const Key256& key) {
  const auto& choice = chosen_backend();
  if (!choice) return fail(choice.error());
  return create_with(*choice == BackendKind::ipsec_mb ? *ipsec_mb_block_prf() : openssl_block_prf(),
                     key);
}

Result<BlockPrf> BlockPrf::create_with(const BlockPrfBackend& backend, const Key256& key) {
  require(!key.empty(), "a block PRF from an empty key");
  BlockPrf prf;
  KEYHOLD_TRY_ASSIGN(prf.state_, SecretBlock::allocate(backend.state_size_bytes));
  KEYHOLD_TRY(
      backend.expand(key.bytes(SecretAccess::grant()), prf.state_.bytes(SecretAccess::grant())));
  prf.backend_ = &backend;
  return prf;
}

BlockPrf& BlockPrf::operator=(BlockPrf&& other) noexcept {
  if (this == &other) return *this;
  release();
  backend_ = std::exchange(other.backend_, nullptr);
  state_ = std::move(other.state_);
  return *this;
}

void BlockPrf::release() {
  if (backend_ != nullptr) backend_->destroy(state_.bytes(SecretAccess::grant()));
  backend_ = nullptr;
  state_.release();
}

void BlockPrf::evaluate(ByteView input, MutableByteView output) const {
  require(backend_ != nullptr, "an evaluation under an empty block PRF");
  require(input.size() == output.size() && input.size() % 16 == 0,
          "a block PRF's sizes do not fit");
  require(!is_wiped(state_.bytes(SecretAccess::grant())), "an evaluation under a wiped block PRF");
  if (!input.empty()) backend_->evaluate(state_.bytes(SecretAccess::grant()), input, output);
}

}  // namespace keyhold::crypto
