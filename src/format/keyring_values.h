// The values of the key ring's records, one pair of functions each: a reader that marks itself
// failed where a bound is broken, a writer that trusts its record. Only keyring.cc uses them.
#pragma once

#include "format/byte_reader.h"
#include "format/byte_writer.h"
#include "format/keyring.h"

namespace keyhold::format {

KeyringIdentity read_identity(ByteReader& in);
KeyringPolicy read_policy(ByteReader& in);
KeyringKek read_kek(ByteReader& in);
KeyringLockbox read_lockbox(ByteReader& in);
KeyringDek read_dek(ByteReader& in);
KeyringRollbackEvent read_rollback(ByteReader& in);

void write_identity(ByteWriter& out, const KeyringIdentity& identity);
void write_policy(ByteWriter& out, const KeyringPolicy& policy);
void write_kek(ByteWriter& out, const KeyringKek& kek);
void write_lockbox(ByteWriter& out, const KeyringLockbox& lockbox);
void write_dek(ByteWriter& out, const KeyringDek& dek);
void write_rollback(ByteWriter& out, const KeyringRollbackEvent& event);

}  // namespace keyhold::format
