// A statement of the host's, under a key that hangs from the KEK, that it wrote all before it.
#pragma once

#include <cstdint>
#include <functional>

#include "audit/events.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/kdf.h"

namespace keyhold::audit {

struct Signature {
  crypto::Mac mac{};
  std::uint32_t kek_version = 0;  // of the KEK that gave the key
};

// HMAC-SHA-256 under HKDF-SHA-256(KEK, salt: store id, info: labels::kAuditMac). Never waits for a
// KMS or for I/O; thread-safe; calls nothing of audit. Code::sealed where there is no KEK. Empty:
// there is none either.
using Signer = std::function<Result<Signature>(ByteView message)>;

// Sets kek_version and mac of a record that has everything else.
Status sign_checkpoint(Record& checkpoint, const Signer& signer);

enum class CheckpointState : std::uint8_t {
  good,
  bad,        // neither this KEK nor one before it made it
  older_kek,  // it says to be of a KEK version that is no more
};

// REQUIRES: a signer, a checkpoint with a MAC.
Result<CheckpointState> check_checkpoint(const Record& checkpoint, const Signer& signer);

}  // namespace keyhold::audit
