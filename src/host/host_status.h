// What a running host says of itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "host/policy_file.h"
#include "keyring/keyring.h"
#include "kms/client.h"

namespace keyhold::host {

enum class HostState : std::uint8_t {
  waiting_for_kms,  // starting: the keys were never here
  serving,
  degraded,  // serving, though a lockbox's last probe did not succeed
  sealing,
  sealed,
  unsealing,
};
std::string_view host_state_name(HostState state);  // "waiting-for-kms", "serving" …

// What the KMS of one lockbox answered last.
struct KmsAnswer {
  kms::KeySpec spec;                       // of a host's status the uri alone
  std::optional<kms::KeyDescription> key;  // where it describes the CMEK
  bool unwraps = false;                    // one real unwrap of the KEK succeeded
  std::optional<kms::Error> error;         // the first that went wrong
};

struct HostStatus {
  std::int64_t pid = 0;
  std::string program;
  WallTime started;
  HostState state = HostState::waiting_for_kms;
  WallTime state_since;  // of the last change of `state`
  std::string reason;    // why it waits or is sealed
  std::string aead_backend;
  crypto::SecretMemoryUse secret_memory{};
  bool clone_detection = false;  // it listens for the kernel's word that the machine was cloned
  std::optional<WallTime> last_kms_success;
  std::string last_kms_problem;              // of the last attempt, where it failed
  bool last_kms_denied = false;              // that was a denial
  std::vector<KmsAnswer> kms;                // by lockbox, once the lease has probed it
  std::string audit_problem;                 // why the audit log, or its last write, failed
  std::vector<std::string> upkeep_problems;  // of what it does by itself, as of the last attempts
  keyring::Health health;                    // empty while it waits
  std::optional<PolicyView> policy;          // nothing while it waits
  std::uint64_t requests = 0;                // on the control socket
};

// One JSON object; what the control socket carries.
std::string to_json_text(const HostStatus& status);
Result<HostStatus> host_status_from_json(std::string_view text);

}  // namespace keyhold::host
