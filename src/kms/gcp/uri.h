// The name of a key in Google Cloud KMS:
// projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/N]. Thread-safe.
// (Cloud KMS documentation, "Resource names"; a location is a region, a multi-region or "global".)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyhold::kms::gcp {

struct KeyName {
  std::string key;      // projects/…/cryptoKeys/K
  std::string version;  // "N"; empty: whichever is primary

  friend bool operator==(const KeyName&, const KeyName&) = default;
};

// Code::invalid_argument; the message says how a valid one looks.
keyhold::Result<KeyName> parse_uri(std::string_view uri);

// "N" of a version's name that belongs to the key; nothing for anything else.
std::optional<std::string> version_of(const KeyName& key, std::string_view version_name);

}  // namespace keyhold::kms::gcp
