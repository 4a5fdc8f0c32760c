// Everything there is to say of a store, with or without its host and its KMS.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/host.h"
#include "host/host_status.h"
#include "keyring/contents.h"
#include "kms/client.h"

namespace keyhold::host {

struct StoreStatus {
  std::string path;
  keyring::Inspection keyring;
  std::string anchor_path;              // empty: rollback is not detected
  std::optional<Error> anchor_problem;  // contradicts the key ring, or is not to be read or found
  LoadedPolicy policy;                  // what the next host will find
  bool policy_verified = false;         // by a running host's open key ring
  std::optional<HostStatus> host;       // a running one's
  std::string host_problem;             // somebody holds the lock, but does not answer
  std::vector<KmsAnswer> kms;           // one a lockbox, in their order; empty where not asked
  std::string aead_backend;             // the host's, else what this process would use
  crypto::SecretMemoryUse secret_memory{};  // likewise
};

struct StatusOptions {
  bool ask_kms = false;
  ClientFactory clients;  // empty: kms::make_client
  nanoseconds kms_timeout = std::chrono::seconds(5);
  nanoseconds host_timeout = std::chrono::seconds(2);
};

// A running host's answers of the KMS are taken, it asks all the time; without one they are asked
// for here, and stand in the audit log where this process may write it. Takes no lock of the
// store's, changes nothing else. Code::not_found where there is no store; a damaged key ring is
// an error only where neither copy is whole.
Result<StoreStatus> describe_store(const Environment& environment, const std::string& store_path,
                                   StatusOptions options = {});

// One JSON object, indented.
std::string to_json_text(const StoreStatus& status);

}  // namespace keyhold::host
