// What the Vault of this cloud remembers. Plain values; key material only wrapped, tokens and
// secret ids only as names that the Sealer derives from them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyhold::devcloud::vault {

struct KeyGeneration {
  std::string wrapped;  // Sealer::wrap
  std::int64_t created_s = 0;
};

struct Key {
  std::string type;  // "aes256-gcm96"
  std::vector<KeyGeneration> generations;
  int min_decryption_version = 1;
  int min_encryption_version = 0;  // 0: the newest
  bool deletion_allowed = false;
  bool soft_deleted = false;  // OpenBao's
};

struct Role {
  std::string role_id;
  std::vector<std::string> policies;
  std::int64_t token_ttl_s = 0;  // 0: Vault's default
  std::int64_t token_max_ttl_s = 0;
  int token_num_uses = 0;
  std::int64_t secret_id_ttl_s = 0;  // 0: for ever
  int secret_id_num_uses = 0;        // 0: any number
};

// What a change of reaches requests after the propagation delay.
struct VaultState {
  std::set<std::string> transits;   // mounts: "transit"
  std::set<std::string> approles;   // "approle", under auth/
  std::map<std::string, Key> keys;  // "MOUNT/NAME"
  std::map<std::string, std::string> policies;
  std::map<std::string, Role> roles;  // "MOUNT/NAME"
};

struct SecretId {
  std::string role;  // "MOUNT/NAME"
  std::string accessor;
  int uses_left = 0;  // 0: any number
  std::int64_t created_s = 0;
  std::int64_t expires_s = 0;  // 0: never
};

struct Token {
  std::string accessor;
  std::vector<std::string> policies;
  std::string display_name;
  std::string path;  // "auth/approle/login"
  std::string role;  // "NAME" of an AppRole; empty
  std::int64_t created_s = 0;
  std::int64_t ttl_s = 0;
  std::int64_t expires_s = 0;      // 0: never
  std::int64_t max_expires_s = 0;  // as far as it can be renewed
  int uses_left = 0;               // 0: any number
};

// What holds at once.
struct Logins {
  bool sealed = false;
  std::map<std::string, SecretId> secret_ids;  // by derived name
  std::map<std::string, Token> tokens;         // by derived name
};

std::string to_json(const VaultState& state);
std::string to_json(const Logins& logins);
// Code::integrity for anything that to_json did not write.
Result<VaultState> state_from_json(std::string_view text);
Result<Logins> logins_from_json(std::string_view text);

}  // namespace keyhold::devcloud::vault
