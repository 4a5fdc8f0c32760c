#include "store/log_keys.h"

#include "crypto/labels.h"
#include "store/header_block.h"

namespace keyhold::store {

Status LogKeys::load() {
  KEYHOLD_TRY_ASSIGN(secret_, file_secret(source(), slot_));
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 marker_key,
                     crypto::hkdf_sha256(secret_, {}, as_bytes(crypto::labels::kLogMarker)));
  KEYHOLD_TRY_ASSIGN(marker_, crypto::BlockPrf::create(marker_key));
  return {};
}

const format::Marker& LogKeys::marker_at(std::uint64_t offset, std::uint64_t synced) {
  const bool there = ahead_first_ != 0 && synced == ahead_synced_ && offset >= ahead_first_ &&
                     offset < ahead_first_ + kMarkersAhead * format::kFrameAlignment;
  if (!there) {
    ahead_first_ = offset;
    ahead_synced_ = synced;
    for (format::Marker& marker : ahead_) {
      marker = format::marker_input(offset, synced);
      offset += format::kFrameAlignment;
    }
    const MutableByteView blocks(ahead_.front().data(), sizeof(ahead_));
    marker_.evaluate(blocks, blocks);
    return ahead_.front();
  }
  return ahead_[(offset - ahead_first_) / format::kFrameAlignment];
}

Status LogKeys::enter_session(const format::Salt& salt) {
  if (in_session() && salt == session_salt_) return {};
  session_.release();
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 key,
                     crypto::hkdf_sha256(secret_, salt, as_bytes(crypto::labels::kLogSession)));
  KEYHOLD_TRY_ASSIGN(session_, crypto::AeadKey::expand(key));
  session_salt_ = salt;
  return {};
}

void LogKeys::wipe() {
  secret_.release();
  marker_.release();
  ahead_first_ = 0;
  session_.release();
}

}  // namespace keyhold::store
