// One request, taken apart, and what it is answered, before that is put into Vault's envelope.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/vault/vault.h"

namespace keyhold::devcloud::vault {

// With neither: 204.
struct Reply {
  std::shared_ptr<const nlohmann::json> data;
  std::shared_ptr<const nlohmann::json> auth;
  bool bare = false;  // `data` is the whole body (sys/health)
  int status = 200;
};
Reply with_data(const nlohmann::json& data);
Reply with_auth(const nlohmann::json& auth);

struct Call {
  std::string request_id;
  std::string operation;  // "read", "update", "list", "delete", "patch"
  std::string path;       // behind /v1/
  std::shared_ptr<const nlohmann::json> body_parsed;
  std::shared_ptr<const VaultState> state;
  std::string token_text;
  std::optional<Token> token;  // of who asks
  bool wrong_key = false;      // the fault panel's

  // REQUIRES: body_parsed.
  [[nodiscard]] const nlohmann::json& body() const { return *body_parsed; }
};

}  // namespace keyhold::devcloud::vault
