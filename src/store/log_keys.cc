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
  session_.release();
}

}  // namespace keyhold::store
