// The keys of a log-like file.
#pragma once

#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "format/header.h"
#include "store/lazy_keys.h"

namespace keyhold::store {

// Everything below is for use within `with`, by one thread at a time.
class LogKeys final : public LazyKeys {
 public:
  LogKeys(KeySource& source, format::HeaderSlot slot) : LazyKeys(source), slot_(std::move(slot)) {
    join();
  }
  ~LogKeys() override { leave(); }

  [[nodiscard]] const crypto::BlockPrf& marker() const { return marker_; }
  // Makes the session's subkey the current one; derives it only where it is not.
  Status enter_session(const format::Salt& salt);
  // False before the first enter_session and after a seal.
  [[nodiscard]] bool in_session() const { return !session_.empty(); }
  [[nodiscard]] const crypto::AeadKey& session() const { return session_; }

 private:
  [[nodiscard]] Generation generation() const override { return slot_.generation; }
  Status load() override;
  void wipe() override;

  const format::HeaderSlot slot_;
  crypto::Key256 secret_;
  crypto::BlockPrf marker_;
  format::Salt session_salt_{};
  crypto::AeadKey session_;
};

}  // namespace keyhold::store
