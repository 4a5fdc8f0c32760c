// The keys of a log-like file.
#pragma once

#include <array>

#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "format/frame.h"
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
  // The marker of one frame; those that may follow are evaluated along with it.
  const format::Marker& marker_at(std::uint64_t offset, std::uint64_t synced);
  // Makes the session's subkey the current one; derives it only where it is not.
  Status enter_session(const format::Salt& salt);
  // False before the first enter_session and after a seal.
  [[nodiscard]] bool in_session() const { return !session_.empty(); }
  [[nodiscard]] const crypto::AeadKey& session() const { return session_; }

 private:
  [[nodiscard]] Generation generation() const override { return slot_.generation; }
  Status load() override;
  void wipe() override;

  // Every place in so many bytes; a block alone costs nearly as much as all of them.
  static constexpr std::size_t kMarkersAhead = 4096 / format::kFrameAlignment;

  const format::HeaderSlot slot_;
  crypto::Key256 secret_;
  crypto::BlockPrf marker_;
  std::array<format::Marker, kMarkersAhead> ahead_{};
  std::uint64_t ahead_first_ = 0;  // the file offset of the first; 0: none
  std::uint64_t ahead_synced_ = 0;
  format::Salt session_salt_{};
  crypto::AeadKey session_;
};

}  // namespace keyhold::store
