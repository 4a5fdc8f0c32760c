// JSON pieces that both statuses are made of. For .cc files of this folder only.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "host/host_status.h"
#include "keyring/keyring.h"

namespace keyhold::host {

// "2024-05-01T12:00:00Z"; whole seconds.
std::string time_text(WallTime time);
std::string_view copy_state_name(keyring::CopyState state);

nlohmann::json to_json(const keyring::CopyReport& copy);
nlohmann::json to_json(const crypto::SecretMemoryUse& use);
nlohmann::json answer_json(const KmsAnswer& answer);  // without its key spec
nlohmann::json to_json(const HostStatus& status);

}  // namespace keyhold::host
