// The lease as a table: for each phase and each kind of event, what handles it and the phases it
// may lead to. docs/lease.md's diagram is drawn from it, and a step that leads elsewhere asserts.
//
// Every event is preceded by a Tick of the same moment (clocks come before events), so a row says
// what happens in the phase that the clocks left behind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <variant>

#include "control/lease_machine.h"

namespace keyhold::control {

// In the order of LeaseEvent's alternatives.
enum class EventKind : std::uint8_t {
  tick,
  probe_ended,
  seal_ordered,
  unseal_ordered,
  seal_ended,
  keys_fetched,
  keys_not_fetched,
  lockbox_added,
  lockbox_removed,
  policy_changed,
};

inline constexpr std::size_t kLeasePhases = 5;
inline constexpr std::size_t kLeaseEventKinds = std::variant_size_v<LeaseEvent>;

constexpr EventKind kind_of(const LeaseEvent& event) {
  return static_cast<EventKind>(event.index());
}

class PhaseSet {
 public:
  constexpr PhaseSet(std::initializer_list<LeasePhase> phases) {
    for (const LeasePhase phase : phases) bits_ |= bit(phase);
  }
  [[nodiscard]] constexpr bool contains(LeasePhase phase) const {
    return (bits_ & bit(phase)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }

 private:
  static constexpr unsigned bit(LeasePhase phase) { return 1U << static_cast<unsigned>(phase); }
  unsigned bits_ = 0;
};

struct LeaseCell {
  LeasePhase phase;
  EventKind event;
  void (LeaseMachine::*handler)(const LeaseEvent&);
  PhaseSet leads_to;
};

namespace table {

using M = LeaseMachine;
using E = EventKind;
inline constexpr auto sealed = LeasePhase::sealed;
inline constexpr auto unsealing = LeasePhase::unsealing;
inline constexpr auto serving = LeasePhase::serving;
inline constexpr auto degraded = LeasePhase::degraded;
inline constexpr auto sealing = LeasePhase::sealing;

}  // namespace table

// clang-format off
inline constexpr std::array<LeaseCell, kLeasePhases * kLeaseEventKinds> kLeaseTable = [] {
  using namespace table;  // NOLINT(google-build-using-namespace): rows that can be read
  return std::array<LeaseCell, kLeasePhases * kLeaseEventKinds>{{
    {sealed, E::tick, &M::pass_time, {sealed}},
    {sealed, E::probe_ended, &M::learn_sealed, {sealed, unsealing}},
    {sealed, E::seal_ordered, &M::mark_sealed, {sealed}},
    {sealed, E::unseal_ordered, &M::lift_order, {sealed}},
    {sealed, E::seal_ended, &M::ignore, {sealed}},
    {sealed, E::keys_fetched, &M::seal_again, {sealing}},
    {sealed, E::keys_not_fetched, &M::ignore, {sealed}},
    {sealed, E::lockbox_added, &M::add_lockbox, {sealed}},
    {sealed, E::lockbox_removed, &M::remove_lockbox, {sealed, unsealing}},
    {sealed, E::policy_changed, &M::change_policy, {sealed, unsealing}},

    {unsealing, E::tick, &M::pass_time, {unsealing}},
    {unsealing, E::probe_ended, &M::learn_unsealing, {unsealing}},
    {unsealing, E::seal_ordered, &M::seal_after_fetch, {unsealing}},
    {unsealing, E::unseal_ordered, &M::lift_order, {unsealing}},
    {unsealing, E::seal_ended, &M::ignore, {unsealing}},
    {unsealing, E::keys_fetched, &M::begin_serving, {serving, degraded, sealing}},
    {unsealing, E::keys_not_fetched, &M::give_up_fetch, {sealed, sealing}},
    {unsealing, E::lockbox_added, &M::add_lockbox, {unsealing}},
    {unsealing, E::lockbox_removed, &M::remove_lockbox, {unsealing}},
    {unsealing, E::policy_changed, &M::change_policy, {unsealing}},

    {serving, E::tick, &M::pass_time, {serving, sealing}},
    {serving, E::probe_ended, &M::learn_serving, {serving, degraded, sealing}},
    {serving, E::seal_ordered, &M::seal_by_order, {sealing}},
    {serving, E::unseal_ordered, &M::ignore, {serving}},
    {serving, E::seal_ended, &M::ignore, {serving}},
    {serving, E::keys_fetched, &M::ignore, {serving}},
    {serving, E::keys_not_fetched, &M::ignore, {serving}},
    {serving, E::lockbox_added, &M::add_lockbox, {serving}},
    {serving, E::lockbox_removed, &M::remove_lockbox, {serving}},
    {serving, E::policy_changed, &M::change_policy, {serving, sealing}},

    {degraded, E::tick, &M::pass_time, {degraded, sealing}},
    {degraded, E::probe_ended, &M::learn_serving, {serving, degraded, sealing}},
    {degraded, E::seal_ordered, &M::seal_by_order, {sealing}},
    {degraded, E::unseal_ordered, &M::ignore, {degraded}},
    {degraded, E::seal_ended, &M::ignore, {degraded}},
    {degraded, E::keys_fetched, &M::ignore, {degraded}},
    {degraded, E::keys_not_fetched, &M::ignore, {degraded}},
    {degraded, E::lockbox_added, &M::add_lockbox, {degraded}},
    {degraded, E::lockbox_removed, &M::remove_lockbox, {serving, degraded, sealing}},
    {degraded, E::policy_changed, &M::change_policy, {degraded, sealing}},

    {sealing, E::tick, &M::pass_time, {sealing}},
    {sealing, E::probe_ended, &M::learn_sealing, {sealing}},
    {sealing, E::seal_ordered, &M::mark_sealed, {sealing}},
    {sealing, E::unseal_ordered, &M::lift_order, {sealing}},
    {sealing, E::seal_ended, &M::finish_seal, {sealed, sealing}},
    {sealing, E::keys_fetched, &M::seal_once_more, {sealing}},
    {sealing, E::keys_not_fetched, &M::ignore, {sealing}},
    {sealing, E::lockbox_added, &M::add_lockbox, {sealing}},
    {sealing, E::lockbox_removed, &M::remove_lockbox, {sealing}},
    {sealing, E::policy_changed, &M::change_policy, {sealing}},
  }};
}();
// clang-format on

constexpr const LeaseCell& cell_of(LeasePhase phase, EventKind event) {
  return kLeaseTable[static_cast<std::size_t>(phase) * kLeaseEventKinds +
                     static_cast<std::size_t>(event)];
}

// Complete: each phase and kind of event has its cell, in its place, and each cell leads somewhere.
constexpr bool lease_table_is_complete() {
  for (std::size_t i = 0; i < kLeaseTable.size(); ++i) {
    const LeaseCell& cell = kLeaseTable[i];
    if (cell.phase != static_cast<LeasePhase>(i / kLeaseEventKinds)) return false;
    if (cell.event != static_cast<EventKind>(i % kLeaseEventKinds)) return false;
    if (cell.leads_to.empty()) return false;  // as a row without a handler would
  }
  return true;
}
static_assert(lease_table_is_complete());
static_assert(static_cast<std::size_t>(EventKind::policy_changed) + 1 == kLeaseEventKinds);
static_assert(kind_of(LeaseEvent(Tick{})) == EventKind::tick);
static_assert(kind_of(LeaseEvent(PolicyChanged{})) == EventKind::policy_changed);

std::string_view name_of(EventKind kind);

}  // namespace keyhold::control
