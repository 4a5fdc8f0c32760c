#include "crypto/aead.h"

#include <atomic>

#include "crypto/backend_choice.h"
#include "crypto/fatal.h"
#include "crypto/wiped.h"

namespace keyhold::crypto {
namespace {

// Stands in where the setting is wrong: no key is ever expanded with it, so the rest cannot be
// called.
constexpr AeadBackend kRefusingBackend = {
    .name = "none",
    .state_size_bytes = 1,
    .expand = [](ByteView, MutableByteView) -> Status { return fail(chosen_backend().error()); },
    .seal = [](ByteView, const Nonce&, ByteView, ByteView, MutableByteView,
               MutableByteView) { fatal("a seal without a key"); },
    .open = [](ByteView, const Nonce&, ByteView, ByteView, ByteView, MutableByteView) -> bool {
      fatal("an open without a key");
    },
    .destroy = [](MutableByteView) {},
};

const AeadBackend& chosen_aead() {
  const auto& choice = chosen_backend();
  if (!choice) return kRefusingBackend;
  return *choice == BackendKind::ipsec_mb ? *ipsec_mb_backend() : openssl_backend();
}

std::atomic<const AeadBackend*>& backend_in_force() {
  static std::atomic<const AeadBackend*> backend = &chosen_aead();
  return backend;
}

}  // namespace

Status check_aead_choice() {
  const auto& choice = chosen_backend();
  if (!choice) return fail(choice.error());
  return {};
}

const AeadBackend& aead_backend() {
  return *backend_in_force().load(std::memory_order_acquire);
}

const AeadBackend& set_aead_backend(const AeadBackend& backend) {
  return *backend_in_force().exchange(&backend, std::memory_order_acq_rel);
}

Result<AeadKey> AeadKey::expand(const Key256& key) {
  require(!key.empty(), "an AEAD key from an empty key");
  const AeadBackend& backend = aead_backend();
  AeadKey expanded;
  KEYHOLD_TRY_ASSIGN(expanded.state_, SecretBlock::allocate(backend.state_size_bytes));
  KEYHOLD_TRY(backend.expand(key.bytes(SecretAccess::grant()),
                             expanded.state_.bytes(SecretAccess::grant())));
  expanded.backend_ = &backend;
  return expanded;
}

AeadKey::AeadKey(AeadKey&& other) noexcept
    : backend_(std::exchange(other.backend_, nullptr)), state_(std::move(other.state_)) {}

AeadKey& AeadKey::operator=(AeadKey&& other) noexcept {
  if (this == &other) return *this;
  release();
  backend_ = std::exchange(other.backend_, nullptr);
  state_ = std::move(other.state_);
  return *this;
}

void AeadKey::release() {
  if (backend_ != nullptr) backend_->destroy(state_.bytes(SecretAccess::grant()));
  backend_ = nullptr;
  state_.release();
}

void AeadKey::seal(const Nonce& nonce, ByteView aad, ByteView plaintext, MutableByteView ciphertext,
                   MutableByteView tag) const {
  require(backend_ != nullptr, "a seal under an empty AEAD key");
  require(ciphertext.size() == plaintext.size() && tag.size() == kTagSizeBytes,
          "a seal's sizes do not fit");
  require(!is_wiped(state_.bytes(SecretAccess::grant())), "a seal under a wiped AEAD key");
  backend_->seal(state_.bytes(SecretAccess::grant()), nonce, aad, plaintext, ciphertext, tag);
}

bool AeadKey::open(const Nonce& nonce, ByteView aad, ByteView ciphertext, ByteView tag,
                   MutableByteView plaintext) const {
  require(backend_ != nullptr, "an open under an empty AEAD key");
  require(ciphertext.size() == plaintext.size() && tag.size() == kTagSizeBytes,
          "an open's sizes do not fit");
  require(!is_wiped(state_.bytes(SecretAccess::grant())), "an open under a wiped AEAD key");
  return backend_->open(state_.bytes(SecretAccess::grant()), nonce, aad, ciphertext, tag,
                        plaintext);
}

}  // namespace keyhold::crypto
