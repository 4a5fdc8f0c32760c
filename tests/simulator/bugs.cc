#include "bugs.h"

#include <algorithm>
#include <utility>

namespace keyhold::simulator {
namespace {

const std::vector<std::pair<Bug, std::string_view>>& names() {
  static const std::vector<std::pair<Bug, std::string_view>> kNames = {
      {Bug::one_denial_suffices, "one_denial_suffices"},
      {Bug::cut_network_clears_denial, "cut_network_clears_denial"},
      {Bug::stale_success_clears_denial, "stale_success_clears_denial"},
      {Bug::ambiguous_as_denial, "ambiguous_as_denial"},
      {Bug::any_denied_as_all_denied, "any_denied_as_all_denied"},
      {Bug::all_denied_as_any_denied, "all_denied_as_any_denied"},
      {Bug::grace_on_wall_clock, "grace_on_wall_clock"},
      {Bug::grace_shared_over_lockboxes, "grace_shared_over_lockboxes"},
      {Bug::suspend_not_counted, "suspend_not_counted"},
      {Bug::stuck_not_noticed, "stuck_not_noticed"},
      {Bug::settling_ignored, "settling_ignored"},
      {Bug::settling_covers_old_key, "settling_covers_old_key"},
      {Bug::settling_never_ends, "settling_never_ends"},
      {Bug::unseal_after_one_success, "unseal_after_one_success"},
      {Bug::successes_not_spaced, "successes_not_spaced"},
      {Bug::denial_keeps_the_count, "denial_keeps_the_count"},
      {Bug::denial_while_unsealing_forgotten, "denial_while_unsealing_forgotten"},
      {Bug::seal_not_awaited, "seal_not_awaited"},
      {Bug::any_order_unseals, "any_order_unseals"},
      {Bug::order_while_sealing_lost, "order_while_sealing_lost"},
      {Bug::policy_change_ignored, "policy_change_ignored"},
      {Bug::alert_lost, "alert_lost"},
      {Bug::stale_probe_credentials, "stale_probe_credentials"},
      {Bug::probes_overlap, "probes_overlap"},
      {Bug::guard_without_clock, "guard_without_clock"},
      {Bug::wipe_forgotten, "wipe_forgotten"},
      {Bug::tombstone_lost, "tombstone_lost"},
      {Bug::tombstone_comes_back, "tombstone_comes_back"},
      {Bug::revoke_overwritten_by_local_seal, "revoke_overwritten_by_local_seal"},
      {Bug::kek_made_twice, "kek_made_twice"},
  };
  return kNames;
}

}  // namespace

const std::vector<Bug>& all_bugs() {
  static const std::vector<Bug> kAll = [] {
    std::vector<Bug> all;
    for (const auto& [bug, name] : names()) all.push_back(bug);
    return all;
  }();
  return kAll;
}

std::string_view name_of(Bug bug) {
  const auto found = std::ranges::find(names(), bug, [](const auto& entry) { return entry.first; });
  return found == names().end() ? "none" : found->second;
}

std::optional<Bug> bug_named(std::string_view name) {
  const auto found =
      std::ranges::find(names(), name, [](const auto& entry) { return entry.second; });
  return found == names().end() ? std::nullopt : std::optional(found->first);
}

}  // namespace keyhold::simulator
