// A store's policy.toml, format 1 (docs/formats/policy.md): the clocks and rules of its lease, who
// is told, how long its engine may take to stop. Pure parse and serialize; says nothing of who
// wrote the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace keyhold::format {

using std::chrono::nanoseconds;

inline constexpr std::size_t kMaxPolicySizeBytes = 32 << 10;
inline constexpr std::size_t kMaxPolicyTextSizeBytes = 2048;  // of a URL or a path

enum class AmbiguousRule : std::uint8_t { outage, denial };
enum class SealWhen : std::uint8_t { any_denied, all_denied };

// Field by field what control::LeasePolicy says of it, with the same defaults (DESIGN 5).
struct LeaseRules {
  nanoseconds probe_interval = std::chrono::seconds(3);
  double probe_jitter = 0.2;
  nanoseconds probe_deadline = std::chrono::seconds(1);
  nanoseconds retry_interval = std::chrono::milliseconds(500);
  nanoseconds confirm_after = std::chrono::milliseconds(2500);
  unsigned confirm_probes = 2;
  nanoseconds grace = std::chrono::hours(1);
  nanoseconds stuck_after = std::chrono::seconds(10);
  nanoseconds settling = std::chrono::minutes(10);
  unsigned successes_to_unseal = 3;
  nanoseconds success_spacing = std::chrono::seconds(1);
  AmbiguousRule ambiguous = AmbiguousRule::outage;
  SealWhen seal_when = SealWhen::any_denied;
  friend bool operator==(const LeaseRules&, const LeaseRules&) = default;
};

// Paths are absolute; empty: none. Without a webhook alerts stand in the log alone.
struct AlertRules {
  std::string webhook;     // https, or http on this machine
  std::string token_file;  // holds the bearer token that goes with every call
  std::string ca_file;     // PEM; instead of the system's authorities
  friend bool operator==(const AlertRules&, const AlertRules&) = default;
};

struct EngineRules {
  nanoseconds fence_timeout = std::chrono::seconds(2);  // then it is killed
  friend bool operator==(const EngineRules&, const EngineRules&) = default;
};

struct Policy {
  LeaseRules lease;
  AlertRules alerts;
  EngineRules engine;
  friend bool operator==(const Policy&, const Policy&) = default;
};

// What rules until a policy is verified: no grace, an ambiguous answer is a denial, and one denial
// seals; all else as by default.
Policy strictest_policy();

// What the file does not name is as by default. `file` is for messages. Code::invalid_argument:
// "FILE:3: lease.grase is no key of a policy; did you mean lease.grace?".
Result<Policy> parse_policy(ByteView text, std::string_view file);
// All keys, each with a comment; parse_policy reads the same back. REQUIRES: check_policy(policy).
std::string serialize_policy(const Policy& policy);
// Code::invalid_argument where a value is out of its range or two contradict each other.
Status check_policy(const Policy& policy);

// In the order of the file: "lease.probe_interval" first.
std::vector<std::string> policy_keys();
// As set_policy_value takes it: "3s", "0.2", "any_denied". Code::invalid_argument for an unknown
// key.
Result<std::string> policy_value(const Policy& policy, std::string_view key);
// Checks the value alone; check_policy sees it among the others.
Status set_policy_value(Policy& policy, std::string_view key, std::string_view value);
// The keys whose values differ, each as "lease.grace 1h → 5m".
std::vector<std::string> policy_differences(const Policy& before, const Policy& after);

// What DESIGN 5 promises of every store with the default policy.
inline constexpr nanoseconds kDenialPromise = std::chrono::seconds(10);
// From the KMS's first denial to the seal, at most, where the KMS answers within probe_deadline:
// the wait for the next probe, its answer, the confirmation, the engine's stop, the wiping.
nanoseconds denial_bound(const Policy& policy);

}  // namespace keyhold::format
