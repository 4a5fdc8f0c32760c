// The state, names in it, and the form of ids. Sans-I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace keyhold::devcloud::gcp {

// The state, one document:
//   accounts   EMAIL → {project, disabled, keys: KEY ID → public key (PEM)}
//   users      EMAIL → {revoked}
//   providers  NAME → {issuer}; of workload identity pools, "projects/…/providers/P"
//   policies   RESOURCE → {bindings: [{role, members}]}; of projects, key rings, keys, and accounts
//              as "serviceAccounts/EMAIL"
//   rings      NAME → {created}
//   keys       NAME → {purpose, algorithm, created, primary?, destroy_after, labels?, …,
//              versions: N → {state, created, destroy?, wrapped?}}
//   instance   EMAIL of the metadata server's account; may be missing
// Times are milliseconds since the epoch; key material is wrapped by the Sealer.
using State = nlohmann::json;

enum class Level : std::uint8_t { rings, ring, keys, key, versions, version };

// projects/P/locations/L/keyRings[/R[/cryptoKeys[/K[/cryptoKeyVersions[/N]]]]]
struct Name {
  Level level = Level::rings;
  std::string full;
  std::string parent;  // of a collection: what it is in; of a resource: itself
  std::string ring;    // projects/…/keyRings/R
  std::string key;     // projects/…/cryptoKeys/K
  std::string number;  // "N"
};
std::optional<Name> parse_name(std::string_view text);

// [a-zA-Z0-9_-]{1,63}
bool is_id(std::string_view text);
// "EMAIL" of "projects/-/serviceAccounts/EMAIL"; empty for anything else.
std::string account_in(std::string_view name);
std::string date_of(std::int64_t ms);

}  // namespace keyhold::devcloud::gcp
