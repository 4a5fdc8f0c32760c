// What a key ring says without a secret: for status, inspect and probes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kms/key_spec.h"
#include "kms/wrap_context.h"

namespace keyhold::keyring {

// Whose store this is. Each name 1 to 255 bytes, no control characters.
struct Identity {
  OrgId org;
  ClusterId cluster;
  RegionName region;
  NodeId node;
};

inline kms::Caller caller_of(const Identity& identity) {
  return {.org = identity.org, .cluster = identity.cluster, .region = identity.region};
}

// When the DEK is rotated by itself: whichever comes first.
struct RotationPolicy {
  std::chrono::seconds age = std::chrono::hours(24 * 30);  // 0: not by age
  std::uint64_t bytes = 0;  // sealed under one generation; 0: not by bytes
};

// Which policy.toml rules.
struct PolicyPin {
  std::uint64_t version = 0;              // from 1
  std::array<std::uint8_t, 32> digest{};  // SHA-256 of the file
  friend bool operator==(const PolicyPin&, const PolicyPin&) = default;
};

// One wrap of the KEK by one CMEK. `wrapped` and `context` are what a probe unwraps.
struct Lockbox {
  kms::KeySpec spec;
  kms::WrapContext context;
  ByteVector wrapped;
  KeyVersion kms_key_version;
  std::string algorithm;
  std::string request_id;
  WallTime created;
};

struct GenerationInfo {
  Generation generation{};
  KeyId key_id;
  std::uint32_t kek_version = 0;
  WallTime created;
  std::uint64_t sealed_bytes =
      0;  // a lower bound: what was counted since the last write is lost by a crash
};

// The operator accepted an older key ring than the anchor remembered.
struct RollbackAcceptance {
  WallTime at;
  std::uint64_t anchor_sequence = 0;    // what the anchor remembered; 0 where it could not be read
  std::uint64_t accepted_sequence = 0;  // what was there instead
};

struct Contents {
  StoreId store;
  Identity identity;
  std::uint64_t sequence = 0;
  std::uint64_t store_epoch = 0;
  WallTime created;
  RotationPolicy rotation;
  WallTime next_rotation_due;       // WallTime::max() where not by age
  std::optional<PolicyPin> policy;  // nothing: the defaults rule, and there is no file
  KeyId kek_id;
  std::uint32_t kek_version = 0;
  WallTime kek_created;
  std::vector<Lockbox> lockboxes;           // in the order in which they are asked
  std::vector<GenerationInfo> generations;  // ascending; the last is the current one
  std::vector<RollbackAcceptance> accepted_rollbacks;
};

enum class CopyState : std::uint8_t {
  good,
  behind,  // whole, but older than the other
  missing,
  damaged,      // unreadable, or not what was written
  unsupported,  // made by a newer Keyhold
};

struct CopyReport {
  std::string name;  // keyring.a, keyring.b
  CopyState state = CopyState::missing;
  std::uint64_t sequence = 0;  // 0 where it cannot be read
  std::string problem;         // why, where not good
};

struct Inspection {
  Contents
      contents;  // of the better copy; checked for damage, not for tampering (that takes the KEK)
  std::array<CopyReport, 2> copies;
};

}  // namespace keyhold::keyring
