// One request, taken apart, and what it is answered, before that is put into Vault's envelope.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "devcloud/vault/vault.h"

namespace keyhold::devcloud::vault {

// Without data and auth: 204.
struct Reply {
  nlohmann::json data;
  nlohmann::json auth;
  bool bare = false;  // `data` is the whole body (sys/health)
  int status = 200;
};

struct Call {
  std::string request_id;
  std::string operation;  // "read", "update", "list", "delete", "patch"
  std::string path;       // behind /v1/
  nlohmann::json body = nlohmann::json::object();
  std::shared_ptr<const VaultState> state;
  std::string token_text;
  std::optional<Token> token;  // of who asks
  bool wrong_key = false;      // the fault panel's
};

}  // namespace keyhold::devcloud::vault
