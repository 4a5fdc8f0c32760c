#include "host/policy_file.h"

#include <utility>

#include "base/log.h"
#include "crypto/kdf.h"

namespace keyhold::host {
namespace {

constexpr std::string_view kFileName = "policy.toml";

// A file of the policy's, and what stands in the way of reading it.
struct Candidate {
  ByteVector bytes;
  std::optional<Error> problem;

  [[nodiscard]] bool is_there() const { return !problem || problem->code() != Code::not_found; }
  [[nodiscard]] bool is(const keyring::PolicyPin& pin) const {
    return !problem && crypto::sha256(bytes) == pin.digest;
  }
};

Candidate read(io::FileSystem& files, const std::string& path) {
  auto bytes = io::read_file(files, path, format::kMaxPolicySizeBytes);
  if (!bytes) return {.bytes = {}, .problem = std::move(bytes).error()};
  return {.bytes = *std::move(bytes), .problem = std::nullopt};
}

std::string way_out(std::uint64_t version) {
  const std::string back =
      version == 0 ? "" : "put version " + std::to_string(version) + " of it back, or ";
  return "; the strictest policy rules (no grace, an ambiguous answer is a denial): " + back +
         "`keyhold store policy set --reset STORE` makes the defaults the policy";
}

LoadedPolicy tampered(std::uint64_t version, const std::string& what) {
  LoadedPolicy loaded;
  loaded.version = version;
  loaded.problem = what + way_out(version);
  return loaded;
}

std::string named(const StoreLayout& layout, std::uint64_t version) {
  return layout.policy + ", version " + std::to_string(version) + ", ";
}

// REQUIRES: candidate.is(pin).
LoadedPolicy pinned(const StoreLayout& layout, const Candidate& candidate,
                    const keyring::PolicyPin& pin) {
  auto policy = format::parse_policy(candidate.bytes, kFileName);
  LoadedPolicy loaded;
  if (!policy) {
    loaded = tampered(
        pin.version, named(layout, pin.version) +
                         "was set by a Keyhold that knows other keys: " + policy.error().message());
  } else {
    loaded.policy = *std::move(policy);
    loaded.state = PolicyState::set;
    loaded.version = pin.version;
  }
  loaded.text = as_text(candidate.bytes);
  return loaded;
}

LoadedPolicy not_pinned(const StoreLayout& layout, const Candidate& file,
                        const keyring::PolicyPin& pin) {
  const std::string name = named(layout, pin.version);
  if (!file.is_there()) return tampered(pin.version, name + "is missing");
  if (file.problem) return tampered(pin.version, file.problem->within(name).message());
  return tampered(pin.version, name +
                                   "is not what was set: it was changed by hand, or an older "
                                   "one was put back");
}

LoadedPolicy without_pin(const StoreLayout& layout, const Candidate& file) {
  if (file.is_there()) {
    return tampered(0, layout.policy +
                           " was never set: the key ring knows of no policy, and somebody put "
                           "this file here");
  }
  LoadedPolicy loaded;
  loaded.policy = {};
  loaded.state = PolicyState::defaults;
  return loaded;
}

struct Found {
  LoadedPolicy loaded;
  bool in_next = false;  // the pinned file has not been renamed yet
};

Found find(io::FileSystem& files, const StoreLayout& layout,
           const std::optional<keyring::PolicyPin>& pin) {
  const Candidate file = read(files, layout.policy);
  if (!pin) return {.loaded = without_pin(layout, file)};
  if (file.is(*pin)) return {.loaded = pinned(layout, file, *pin)};
  const Candidate next = read(files, layout.policy_next);
  if (next.is(*pin)) return {.loaded = pinned(layout, next, *pin), .in_next = true};
  return {.loaded = not_pinned(layout, file, *pin)};
}

Status finish(io::FileSystem& files, const StoreLayout& layout) {
  KEYHOLD_TRY(files.rename(layout.policy_next, layout.policy));
  return files.sync_directory(layout.directory);
}

// What a change left that was never pinned. Not worth a failure: it is in nobody's way.
Status remove_leftovers(io::FileSystem& files, const StoreLayout& layout) {
  const std::string next = layout.policy_next.substr(layout.directory.size() + 1);
  KEYHOLD_TRY_ASSIGN(const auto names, files.list(layout.directory));
  for (const std::string& name : names) {
    if (name != next && !name.starts_with("." + next + ".tmp-")) continue;
    KEYHOLD_TRY(files.remove(io::join_path(layout.directory, name)));
  }
  return {};
}

void tidy(io::FileSystem& files, const StoreLayout& layout, bool in_next) {
  const Status done = in_next ? finish(files, layout) : remove_leftovers(files, layout);
  if (done) return;
  log::warning("store " + layout.root +
               ": a change of its policy is left half-way until the next " +
               "start: " + done.error().message());
}

// So that nothing hangs on the file policy.toml.next when it is replaced: not a pin that failed
// half-way and may be on disk, not one whose rename failed or is not durable.
Status make_room(io::FileSystem& files, const StoreLayout& layout, keyring::KeyRing& ring) {
  KEYHOLD_TRY(ring.flush());
  if (find(files, layout, ring.contents().policy).in_next) return finish(files, layout);
  return files.sync_directory(layout.directory);
}

}  // namespace

LoadedPolicy read_policy(io::FileSystem& files, const StoreLayout& layout,
                         const std::optional<keyring::PolicyPin>& pin) {
  return find(files, layout, pin).loaded;
}

LoadedPolicy load_policy(io::FileSystem& files, const StoreLayout& layout,
                         const std::optional<keyring::PolicyPin>& pin) {
  Found found = find(files, layout, pin);
  if (found.loaded.state != PolicyState::tampered) tidy(files, layout, found.in_next);
  return std::move(found.loaded);
}

Status store_policy(io::FileSystem& files, const StoreLayout& layout, keyring::KeyRing& ring,
                    std::string_view text, std::uint64_t expected) {
  KEYHOLD_TRY(format::parse_policy(as_bytes(text), kFileName));
  const auto present = ring.contents().policy;
  const std::uint64_t version = present ? present->version : 0;
  if (version != expected) {
    return fail(Code::busy, "the policy is at version " + std::to_string(version) + ", not " +
                                std::to_string(expected) +
                                ": somebody changed it meanwhile; look at it and try again");
  }
  KEYHOLD_TRY(make_room(files, layout, ring));
  KEYHOLD_TRY(io::replace_file(files, layout.policy_next, as_bytes(text)));
  const keyring::PolicyPin pin{.version = version + 1, .digest = crypto::sha256(as_bytes(text))};
  const Status outcome = ring.pin_policy(pin);
  if (ring.contents().policy != pin) return outcome;
  KEYHOLD_TRY(finish(files, layout));
  return outcome;
}

control::LeasePolicy lease_policy(const format::LeaseRules& rules) {
  return {.probe_interval = rules.probe_interval,
          .probe_jitter = rules.probe_jitter,
          .probe_deadline = rules.probe_deadline,
          .retry_interval = rules.retry_interval,
          .confirm_after = rules.confirm_after,
          .confirm_probes = rules.confirm_probes,
          .grace = rules.grace,
          .stuck_after = rules.stuck_after,
          .settling = rules.settling,
          .successes_to_unseal = rules.successes_to_unseal,
          .success_spacing = rules.success_spacing,
          .ambiguous = rules.ambiguous == format::AmbiguousRule::denial
                           ? control::AmbiguousRule::denial
                           : control::AmbiguousRule::outage,
          .seal_when = rules.seal_when == format::SealWhen::all_denied
                           ? control::SealWhen::all_denied
                           : control::SealWhen::any_denied};
}

}  // namespace keyhold::host
