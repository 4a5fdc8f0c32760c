#include "audit/checkpoint.h"

namespace keyhold::audit {

Status sign_checkpoint(Record& checkpoint, const Signer& signer) {
  if (!signer) return fail(Code::sealed, "there is no key to sign the audit log with");
  // The version is part of what is signed: where the KEK was rotated since, once more.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::string message = format::audit_mac_input(checkpoint);
    KEYHOLD_TRY_ASSIGN(const Signature signature, signer(as_bytes(message)));
    if (signature.kek_version == checkpoint.kek_version) {
      checkpoint.mac = signature.mac;
      return {};
    }
    checkpoint.kek_version = signature.kek_version;
  }
  return fail(Code::busy, "the KEK is being rotated");
}

Result<CheckpointState> check_checkpoint(const Record& checkpoint, const Signer& signer) {
  const std::string message = format::audit_mac_input(checkpoint);
  KEYHOLD_TRY_ASSIGN(const Signature signature, signer(as_bytes(message)));
  if (checkpoint.kek_version < signature.kek_version) return CheckpointState::older_kek;
  if (checkpoint.kek_version > signature.kek_version) return CheckpointState::bad;
  return crypto::equal_constant_time(signature.mac, *checkpoint.mac) ? CheckpointState::good
                                                                     : CheckpointState::bad;
}

}  // namespace keyhold::audit
