// Making a store.
#pragma once

#include <string>

#include "base/error.h"
#include "host/host.h"
#include "keyring/contents.h"
#include "kms/key_spec.h"

namespace keyhold::host {

struct StorePlan {
  keyring::Identity identity;
  kms::KeySpec key;
  keyring::RotationPolicy rotation;
  std::string anchor_path;  // empty: rollback is not detected
};

// Makes store_path (0700) and store_path/.keyhold (0700) with lock, key ring and config. An
// existing directory must be empty but for what an interrupted call left: plaintext is never
// silently taken in (I9). Code::already_exists where a store or a foreign file is there;
// Code::denied, Code::unavailable as the KMS answers: nothing but empty folders is left then.
Result<StoreId> initialise_store(const Environment& environment, const std::string& store_path,
                                 const StorePlan& plan, const ClientFactory& clients = {},
                                 nanoseconds kms_timeout = std::chrono::seconds(10));

}  // namespace keyhold::host
