// The URI of a key in Vault's or OpenBao's transit engine: the key's own URL,
// https://HOST[:PORT]/v1/MOUNT/keys/NAME[?namespace=NAMESPACE].
//
// Taken byte for byte: there is no percent encoding. Plain http is for loopback only. Thread-safe.
// Source: HashiCorp Vault, "Transit secrets engine (API)"; OpenBao's page of the same name.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace keyhold::kms::vault {

struct KeyLocation {
  std::string origin;           // https://host[:port], without a slash at its end
  std::string mount;            // "transit", "teams/a/transit"
  std::string name;             // of the key
  std::string vault_namespace;  // empty: the root namespace

  friend bool operator==(const KeyLocation&, const KeyLocation&) = default;
};

// Code::invalid_argument; the message says how a valid URI looks.
keyhold::Result<KeyLocation> parse_uri(std::string_view uri);

// "https://host[:port]", for KeySpec::endpoint. Code::invalid_argument as above.
keyhold::Result<std::string> parse_origin(std::string_view url);

// Names with slashes between them, each of A-Z a-z 0-9 . _ - and not starting with a dot, as mounts
// and namespaces are here.
bool is_mount_path(std::string_view path);

}  // namespace keyhold::kms::vault
