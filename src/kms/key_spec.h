// Which key, in which KMS, as whom: {type, uri, auth_principal}, and how to reach it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"

namespace keyhold::kms {

// Persisted: the numbers never change.
enum class KeyType : std::uint8_t {
  aws_kms = 1,
  gcp_cloud_kms = 2,
  azure_key_vault = 3,
  vault_transit = 4,
  pkcs11 = 5,
  local = 6,
};

std::string_view key_type_name(
    KeyType type);  // AWS_KMS, GCP_CLOUD_KMS, AZURE_KEY_VAULT, VAULT_TRANSIT, PKCS11, LOCAL
keyhold::Result<KeyType> parse_key_type(std::string_view name);

struct KeySpec {
  KeyType type{};
  KeyUri uri;
  AuthPrincipal auth_principal;  // empty where the provider needs none
  std::string endpoint;          // URL instead of the provider's own; empty: the provider's
  std::string ca_file;           // PEM trusted instead of the system's; empty: the system's

  friend bool operator==(const KeySpec&, const KeySpec&) = default;
};

}  // namespace keyhold::kms
