// A store's policy.toml (format/policy.h, docs/formats/policy.md) and what the key ring says of it:
// only the file whose SHA-256 the ring pins rules, else the strictest policy does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "control/lease.h"
#include "format/policy.h"
#include "host/layout.h"
#include "io/file_system.h"
#include "keyring/keyring.h"

namespace keyhold::host {

enum class PolicyState : std::uint8_t {
  defaults,  // no file, and none is pinned
  set,       // the file is the one that is pinned
  tampered,  // it is not, cannot be read, or says what this version does not know
};
// defaults, set, tampered (host_status.cc).
std::string_view policy_state_name(PolicyState state);

struct LoadedPolicy {
  format::Policy policy = format::strictest_policy();  // what rules
  PolicyState state = PolicyState::tampered;
  std::uint64_t version = 0;  // as the ring pins it; 0: none
  std::string text;           // of the pinned file; empty where it is not there
  std::string problem;        // where tampered: what is wrong, and what to do
};

// What a host says of its policy to others.
struct PolicyView {
  PolicyState state{};                    // as it was when the host began, or changed it
  std::optional<keyring::PolicyPin> pin;  // of the open key ring
  std::string problem;
};

// Never fails: what cannot be read is tampered, and the strictest policy rules. `pin` is what an
// open key ring says; that of an inspection tells damage, not tampering of both.
// read_policy writes nothing. load_policy, for the host, also completes a change that a crash cut
// short, and removes what one left.
LoadedPolicy read_policy(io::FileSystem& files, const StoreLayout& layout,
                         const std::optional<keyring::PolicyPin>& pin);
LoadedPolicy load_policy(io::FileSystem& files, const StoreLayout& layout,
                         const std::optional<keyring::PolicyPin>& pin);

// Makes `text` the policy, as the version after `expected`; a crash or failure at any instant
// leaves the old or the new one, whole and verified, for the next load_policy. Nothing is changed
// with Code::invalid_argument (the text is no policy) and Code::busy (another version than
// `expected` is pinned); else the errors of KeyRing::pin_policy and of the files, after which the
// ring's pin says which of the two rules. REQUIRES: the store's lock; one call at a time.
Status store_policy(io::FileSystem& files, const StoreLayout& layout, keyring::KeyRing& ring,
                    std::string_view text, std::uint64_t expected);

control::LeasePolicy lease_policy(const format::LeaseRules& rules);

}  // namespace keyhold::host
