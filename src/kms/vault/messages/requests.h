// The requests to Vault, as bytes (HashiCorp Vault HTTP API: Transit, AppRole, Kubernetes, JWT, TLS
// certificates, Token). Sans-I/O; thread-safe. Tokens and bodies are secrets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/wiped_string.h"
#include "crypto/secret.h"
#include "kms/vault/principal.h"
#include "kms/vault/uri.h"
#include "net/http_client.h"

namespace keyhold::kms::vault {

// POST /v1/auth/MOUNT/login. REQUIRES: the method is not token.
net::HttpRequest login_request(const KeyLocation& key, const Login& login,
                               const WipedString& credential);
// GET /v1/MOUNT/keys/NAME
net::HttpRequest read_key_request(const KeyLocation& key, const WipedString& token);
// POST /v1/MOUNT/encrypt/NAME, with the context's canonical JSON as associated data.
net::HttpRequest encrypt_request(const KeyLocation& key, const WipedString& token,
                                 const crypto::Key256& plaintext, std::string_view context_json);
// POST /v1/MOUNT/decrypt/NAME
net::HttpRequest decrypt_request(const KeyLocation& key, const WipedString& token,
                                 std::string_view ciphertext, std::string_view context_json);
// GET /v1/auth/token/lookup-self
net::HttpRequest lookup_request(const KeyLocation& key, const WipedString& token);
// POST /v1/auth/token/revoke-self
net::HttpRequest revoke_request(const KeyLocation& key, const Login& login,
                                const WipedString& token);

}  // namespace keyhold::kms::vault
