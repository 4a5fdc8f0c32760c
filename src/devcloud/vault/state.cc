#include "devcloud/vault/state.h"

#include <nlohmann/json.hpp>

namespace keyhold::devcloud::vault {

using nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KeyGeneration, wrapped, created_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Key, type, generations, min_decryption_version,
                                   min_encryption_version, deletion_allowed, soft_deleted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Role, role_id, policies, token_ttl_s, token_max_ttl_s,
                                   token_num_uses, secret_id_ttl_s, secret_id_num_uses)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(VaultState, transits, approles, keys, policies, roles)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SecretId, role, accessor, uses_left, created_s, expires_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Token, accessor, policies, display_name, path, role, created_s,
                                   ttl_s, expires_s, max_expires_s, uses_left)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Logins, sealed, secret_ids, tokens)

namespace {

template <typename T>
Result<T> read(std::string_view text) {
  try {
    return json::parse(text).get<T>();
  } catch (const json::exception& error) {
    return fail(Code::integrity, std::string("the state of Vault is damaged: ") + error.what());
  }
}

}  // namespace

std::string to_json(const VaultState& state) {
  return json(state).dump(1);
}

std::string to_json(const Logins& logins) {
  return json(logins).dump(1);
}

Result<VaultState> state_from_json(std::string_view text) {
  return read<VaultState>(text);
}

Result<Logins> logins_from_json(std::string_view text) {
  return read<Logins>(text);
}

}  // namespace keyhold::devcloud::vault
