#include "keyring/hierarchy.h"

#include <string>
#include <string_view>
#include <utility>

#include "crypto/labels.h"
#include "crypto/wrap.h"

namespace keyhold::keyring {
namespace {

Status wrap_dek(format::KeyringDek& dek, const crypto::Key256& key,
                const format::KeyringRecord& record, const crypto::Key256& kek,
                crypto::Random& random) {
  dek.kek_version = record.kek.version;
  const ByteVector context = format::dek_wrap_context(record.identity.store, dek);
  KEYHOLD_TRY_ASSIGN(const ByteVector wrapped, crypto::wrap_key(kek, key, context, random));
  copy_bytes(wrapped, dek.wrapped);
  return {};
}

Result<crypto::Key256> unwrap_dek(const format::KeyringDek& dek, const StoreId& store,
                                  const crypto::Key256& kek) {
  const std::string name = "DEK generation " + std::to_string(dek.generation);
  auto key = crypto::unwrap_key(kek, dek.wrapped, format::dek_wrap_context(store, dek));
  if (!key) return fail(key.error().within(name));
  KEYHOLD_TRY_ASSIGN(const crypto::CheckValue check, crypto::check_value(*key));
  if (check != dek.check) return fail(Code::integrity, name + " is not the key that it says");
  return key;
}

}  // namespace

Result<crypto::Mac> mac_under(const crypto::Key256& kek, const StoreId& store,
                              std::string_view label, ByteView message) {
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 key,
                     crypto::hkdf_sha256(kek, store.bytes(), as_bytes(label)));
  return crypto::hmac_sha256(key, message);
}

Result<ByteVector> make_keyring_file(const format::KeyringRecord& record,
                                     const crypto::Key256& kek) {
  KEYHOLD_TRY(format::check_keyring(record));
  ByteVector body = format::serialize_keyring_body(record);
  KEYHOLD_TRY_ASSIGN(const crypto::Mac mac,
                     mac_under(kek, record.identity.store, crypto::labels::kKeyringMac, body));
  return format::finish_keyring(std::move(body), mac);
}

Status verify_keyring_file(ByteView file, const format::ParsedKeyring& parsed,
                           const crypto::Key256& kek) {
  KEYHOLD_TRY_ASSIGN(const crypto::Mac mac,
                     mac_under(kek, parsed.record.identity.store, crypto::labels::kKeyringMac,
                               format::keyring_mac_input(file)));
  if (crypto::equal_constant_time(mac, parsed.mac)) return {};
  return fail(Code::integrity,
              "the key ring was tampered with: its checksum is right, its MAC is not; restore it "
              "from a backup of .keyhold");
}

Result<MadeKek> make_kek(const KeyId& id, std::uint32_t version, std::uint64_t created,
                         crypto::Random& random) {
  MadeKek made;
  KEYHOLD_TRY_ASSIGN(made.key, crypto::Key256::generate(random));
  made.record = {.id = id, .version = version, .created = created, .check = {}};
  KEYHOLD_TRY_ASSIGN(made.record.check, crypto::check_value(made.key));
  return made;
}

Result<crypto::Key256> append_dek(format::KeyringRecord& record, const crypto::Key256& kek,
                                  std::uint64_t created, crypto::Random& random) {
  if (record.deks.size() >= format::kMaxGenerations) {
    return fail(Code::busy, "the key ring is full: it holds " +
                                std::to_string(format::kMaxGenerations) +
                                " DEK generations; `keyhold store reencrypt` takes the files off "
                                "the old ones, then `keyhold store shred` makes room");
  }
  KEYHOLD_TRY_ASSIGN(crypto::Key256 key, crypto::Key256::generate(random));
  format::KeyringDek dek;
  dek.generation = record.deks.empty() ? 1 : record.deks.back().generation + 1;
  dek.id = crypto::random_id<KeyId>(random);
  dek.created = created;
  KEYHOLD_TRY_ASSIGN(dek.check, crypto::check_value(key));
  KEYHOLD_TRY(wrap_dek(dek, key, record, kek, random));
  record.deks.push_back(dek);
  return key;
}

Result<Deks> unwrap_deks(const format::KeyringRecord& record, const crypto::Key256& kek) {
  Deks deks;
  for (const format::KeyringDek& dek : record.deks) {
    KEYHOLD_TRY_ASSIGN(crypto::Key256 key, unwrap_dek(dek, record.identity.store, kek));
    deks.emplace(dek.generation, std::move(key));
  }
  return deks;
}

Status rewrap_deks(format::KeyringRecord& record, const Deks& deks, const crypto::Key256& kek,
                   crypto::Random& random) {
  for (format::KeyringDek& dek : record.deks) {
    KEYHOLD_TRY(wrap_dek(dek, deks.at(dek.generation), record, kek, random));
  }
  return {};
}

}  // namespace keyhold::keyring
