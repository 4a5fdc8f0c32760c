#include "format/keyring_values.h"

namespace keyhold::format {
namespace {

KeyringKeySpec read_spec(ByteReader& in) {
  KeyringKeySpec spec;
  spec.type = in.u8();
  spec.uri = in.text(kMaxSpecTextSizeBytes);
  spec.auth_principal = in.text(kMaxSpecTextSizeBytes);
  spec.endpoint = in.text(kMaxSpecTextSizeBytes);
  spec.ca_file = in.text(kMaxSpecTextSizeBytes);
  return spec;
}

void write_spec(ByteWriter& out, const KeyringKeySpec& spec) {
  out.u8(spec.type);
  out.text(spec.uri);
  out.text(spec.auth_principal);
  out.text(spec.endpoint);
  out.text(spec.ca_file);
}

}  // namespace

KeyringIdentity read_identity(ByteReader& in) {
  KeyringIdentity identity;
  identity.store = in.id<StoreId>();
  identity.org = in.text(kMaxNameSizeBytes);
  identity.cluster = in.text(kMaxNameSizeBytes);
  identity.region = in.text(kMaxNameSizeBytes);
  identity.node = in.text(kMaxNameSizeBytes);
  return identity;
}

void write_identity(ByteWriter& out, const KeyringIdentity& identity) {
  out.bytes(identity.store.bytes());
  out.text(identity.org);
  out.text(identity.cluster);
  out.text(identity.region);
  out.text(identity.node);
}

KeyringPolicy read_policy(ByteReader& in) {
  KeyringPolicy policy;
  policy.version = in.u64();
  policy.digest = in.array<32>();
  return policy;
}

void write_policy(ByteWriter& out, const KeyringPolicy& policy) {
  out.u64(policy.version);
  out.bytes(policy.digest);
}

KeyringKek read_kek(ByteReader& in) {
  KeyringKek kek;
  kek.id = in.id<KeyId>();
  kek.version = in.u32();
  kek.created = in.u64();
  kek.check = in.array<sizeof(crypto::CheckValue)>();
  return kek;
}

void write_kek(ByteWriter& out, const KeyringKek& kek) {
  out.bytes(kek.id.bytes());
  out.u32(kek.version);
  out.u64(kek.created);
  out.bytes(kek.check);
}

KeyringLockbox read_lockbox(ByteReader& in) {
  KeyringLockbox lockbox;
  lockbox.kek_version = in.u32();
  lockbox.spec = read_spec(in);
  lockbox.kms_key_version = in.text(kMaxKmsTextSizeBytes);
  lockbox.algorithm = in.text(kMaxKmsTextSizeBytes);
  lockbox.purpose = in.u8();
  lockbox.created = in.u64();
  lockbox.request_id = in.text(kMaxKmsTextSizeBytes);
  const ByteView wrapped = in.counted(kMaxKmsWrapSizeBytes);
  lockbox.wrapped.assign(wrapped.begin(), wrapped.end());
  return lockbox;
}

void write_lockbox(ByteWriter& out, const KeyringLockbox& lockbox) {
  out.u32(lockbox.kek_version);
  write_spec(out, lockbox.spec);
  out.text(lockbox.kms_key_version);
  out.text(lockbox.algorithm);
  out.u8(lockbox.purpose);
  out.u64(lockbox.created);
  out.text(lockbox.request_id);
  out.counted(lockbox.wrapped);
}

KeyringDek read_dek(ByteReader& in) {
  KeyringDek dek;
  dek.generation = in.u32();
  dek.id = in.id<KeyId>();
  dek.kek_version = in.u32();
  dek.created = in.u64();
  dek.wrapped = in.array<crypto::kWrappedKeySizeBytes>();
  dek.check = in.array<sizeof(crypto::CheckValue)>();
  dek.sealed_bytes = in.u64();
  return dek;
}

void write_dek(ByteWriter& out, const KeyringDek& dek) {
  out.u32(dek.generation);
  out.bytes(dek.id.bytes());
  out.u32(dek.kek_version);
  out.u64(dek.created);
  out.bytes(dek.wrapped);
  out.bytes(dek.check);
  out.u64(dek.sealed_bytes);
}

KeyringRollbackEvent read_rollback(ByteReader& in) {
  KeyringRollbackEvent event;
  event.at = in.u64();
  event.anchor_sequence = in.u64();
  event.accepted_sequence = in.u64();
  return event;
}

void write_rollback(ByteWriter& out, const KeyringRollbackEvent& event) {
  out.u64(event.at);
  out.u64(event.anchor_sequence);
  out.u64(event.accepted_sequence);
}

}  // namespace keyhold::format
