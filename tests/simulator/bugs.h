// Bugs that can be planted in a host: in its driver, or in a shim around the lease that makes it
// behave as if the bug were in it. The lease itself is the one that is shipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace keyhold::simulator {

enum class Bug : std::uint8_t {
  none,
  // In what the lease decides (mutant.cc).
  one_denial_suffices,
  cut_network_clears_denial,
  stale_success_clears_denial,
  ambiguous_as_denial,
  any_denied_as_all_denied,
  all_denied_as_any_denied,
  grace_on_wall_clock,
  grace_shared_over_lockboxes,
  suspend_not_counted,
  stuck_not_noticed,
  settling_ignored,
  settling_covers_old_key,
  settling_never_ends,
  unseal_after_one_success,
  successes_not_spaced,
  denial_keeps_the_count,
  denial_while_unsealing_forgotten,
  seal_not_awaited,
  any_order_unseals,
  order_while_sealing_lost,
  policy_change_ignored,
  alert_lost,
  // In what the host does about it (host.cc).
  stale_probe_credentials,
  probes_overlap,
  guard_without_clock,
  wipe_forgotten,
  tombstone_lost,
  tombstone_comes_back,
  revoke_overwritten_by_local_seal,
  kek_made_twice,
};

const std::vector<Bug>& all_bugs();
std::string_view name_of(Bug bug);
std::optional<Bug> bug_named(std::string_view name);

}  // namespace keyhold::simulator
