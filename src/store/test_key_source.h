// A key source for tests: DEKs in memory, sealed and unsealed by hand.
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "crypto/kdf.h"
#include "crypto/random.h"
#include "store/key_source.h"

namespace keyhold::store {

class TestKeySource final : public KeySource {
 public:
  // The same `seed` gives the same DEKs and store id.
  explicit TestKeySource(std::uint8_t seed = 1) : seed_(seed) {
    std::array<std::uint8_t, StoreId::kSizeBytes> id{};
    id.fill(seed);
    store_id_ = StoreId(id);
    add_generation(Generation{1});
  }

  void add_generation(Generation generation) {
    auto dek = crypto::Key256::allocate();
    const MutableByteView bytes = dek->bytes(crypto::SecretAccess::grant());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(seed_ * 101 + number(generation) * 31 + i);
    }
    const std::lock_guard lock(mutex_);
    deks_.insert_or_assign(generation, *std::move(dek));
    current_ = generation;
  }

  // Shreds it.
  void remove_generation(Generation generation) {
    const std::lock_guard lock(mutex_);
    deks_.erase(generation);
  }

  [[nodiscard]] StoreId store_id() const override { return store_id_; }
  [[nodiscard]] Result<Generation> current_generation() override {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  [[nodiscard]] Status prepare(Generation generation) override {
    const std::lock_guard lock(mutex_);
    if (deks_.contains(generation)) return {};
    return fail(Code::not_found, "DEK generation " + std::to_string(number(generation)) +
                                     " was shredded, or never made");
  }
  [[nodiscard]] Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                              ByteView info) override {
    const std::lock_guard lock(mutex_);
    const auto dek = deks_.find(generation);
    if (dek == deks_.end()) return fail(Code::not_found, "generation not prepared");
    return crypto::hkdf_sha256(dek->second, salt, info);
  }
  void add_sealed_bytes(Generation, std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    sealed_bytes_ += bytes;
  }
  [[nodiscard]] SealGuard& guard() override { return guard_; }

  [[nodiscard]] std::uint64_t sealed_bytes() const { return sealed_bytes_; }

 private:
  const std::uint8_t seed_;
  StoreId store_id_;
  SealGuard guard_;
  std::mutex mutex_;
  std::map<Generation, crypto::Key256> deks_;
  Generation current_{};
  std::uint64_t sealed_bytes_ = 0;
};

}  // namespace keyhold::store
