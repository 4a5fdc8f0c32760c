// How to log in to Vault: METHOD[:ARGUMENT][?setting=value&…], a KeySpec's auth_principal.
//
//   token                  the token itself: token_file, else VAULT_TOKEN, else ~/.vault-token
//   approle:ROLE_ID        secret id: secret_id_file, else VAULT_SECRET_ID
//   kubernetes:ROLE        service account token: jwt_file, else the pod's
//   jwt:ROLE               jwt_file (required)
//   cert:NAME              cert_file and key_file, else VAULT_CLIENT_CERT and VAULT_CLIENT_KEY
//
// Everywhere: mount=PATH (the method's name otherwise), namespace=PATH (the key's otherwise).
// Values are taken byte for byte, without percent encoding. Empty stands for token. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/wiped_string.h"
#include "cloud/environment.h"
#include "kms/error.h"

namespace keyhold::kms::vault {

enum class Method : std::uint8_t { token, approle, kubernetes, jwt, cert };

std::string_view method_name(Method method);

struct Login {
  Method method = Method::token;
  std::string argument;         // role id, role or certificate name
  std::string mount;            // of the auth method
  std::string vault_namespace;  // of the auth method; empty: that of the key
  std::string file;             // where the credential stands; for cert: the certificate
  std::string key_file;         // cert: its private key

  friend bool operator==(const Login&, const Login&) = default;
};

// Code::invalid_argument; the message says how a valid one looks.
keyhold::Result<Login> parse_principal(std::string_view text);

// Fills in the files that the environment names, where the principal names none.
Login with_environment(Login login, const cloud::Environment& environment);

// The token, secret id or JWT, read anew: at most 64 KiB, white space at its ends cut off; empty
// for cert. Fault::configuration where there is none; the message names the place, never the
// content.
Result<WipedString> read_credential(const Login& login, const cloud::Environment& environment);

}  // namespace keyhold::kms::vault
