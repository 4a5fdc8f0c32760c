// The host's policy: verified when the key ring is open, changed by an order.
#include <utility>

#include "base/log.h"
#include "host/host_parts.h"

namespace keyhold::host {

void HostParts::take_policy() {
  LoadedPolicy loaded = load_policy(environment_.files, layout_, ring_->contents().policy);
  follow_alert_rules(loaded.policy.alerts);
  if (loaded.state == PolicyState::tampered) {
    record({.event = std::string(audit::events::kPolicyTampered), .message = loaded.problem});
    raise(AlertKind::tampered_policy, loaded.problem);
  }
  const std::lock_guard lock(mutex_);
  policy_ = std::move(loaded);
}

// The policy that rules now.
format::Policy HostParts::policy() const {
  const std::lock_guard lock(mutex_);
  return policy_.policy;
}

Result<LoadedPolicy> HostParts::policy_on_disk() const {
  KEYHOLD_TRY_ASSIGN(const keyring::KeyRing* opened, usable_ring());
  return read_policy(environment_.files, layout_, opened->contents().policy);
}

Result<std::uint64_t> HostParts::set_policy(const std::string& text, std::uint64_t expected) {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  const std::lock_guard change(policy_mutex_);
  const auto before = opened->contents().policy;
  const Status stored = store_policy(environment_.files, layout_, *opened, text, expected);
  // A failure may have come after the ring pinned it: what is pinned rules.
  const auto pin = opened->contents().policy;
  if (pin != before) policy_changed(load_policy(environment_.files, layout_, pin));
  if (!stored) return fail(stored.error());
  return expected + 1;
}

// Takes the policy into use and says what is different.
void HostParts::policy_changed(const LoadedPolicy& loaded) {
  const auto differences = format::policy_differences(policy(), loaded.policy);
  {
    const std::lock_guard lock(mutex_);
    policy_ = loaded;
  }
  std::string text = "store " + layout_.root + ": policy version " + std::to_string(loaded.version);
  for (const std::string& difference : differences) text += "; " + difference;
  log::info(text);
  record({.event = std::string(audit::events::kPolicy), .message = text, .count = loaded.version});
  follow_alert_rules(loaded.policy.alerts);
  keeper_.set_policy(lease_policy(loaded.policy.lease));
}

std::optional<PolicyView> HostParts::policy_view() const {
  const keyring::KeyRing* opened = ring();
  if (opened == nullptr) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return PolicyView{
      .state = policy_.state, .pin = opened->contents().policy, .problem = policy_.problem};
}

}  // namespace keyhold::host
