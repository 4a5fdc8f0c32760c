// Events and actions as text, for tests and traces.
#pragma once

#include <string>
#include <variant>

#include "control/lease.h"

namespace keyhold::control {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;  // clang 16 needs to be told

inline std::string word(std::string_view name, std::string_view detail) {
  return std::string(name) + ":" + std::string(detail);
}

inline std::string describe(const LeaseAction& action) {
  return std::visit(
      Overloaded{
          [](const Probe& probe) { return word("probe", std::to_string(probe.lockbox)); },
          [](const Seal& seal) { return word("seal", name_of(seal.cause)); },
          [](const Unseal&) { return std::string("unseal"); },
          [](const WriteTombstone& write) { return word("tombstone", name_of(write.cause)); },
          [](const ClearTombstone&) { return std::string("clear_tombstone"); },
          [](const Alert& alert) {
            std::string text = word("alert", name_of(alert.kind));
            return alert.lockbox ? text + "/" + std::to_string(*alert.lockbox) : text;
          },
      },
      action);
}

inline std::string describe(const std::vector<LeaseAction>& actions) {
  std::string text;
  for (const LeaseAction& action : actions) {
    if (!text.empty()) text += " ";
    text += describe(action);
  }
  return text;
}

inline std::string describe(const LeaseEvent& event) {
  return std::visit(
      Overloaded{
          [](const Tick&) { return std::string("tick"); },
          [](const ProbeEnded& ended) {
            return word("probe_ended", std::to_string(ended.lockbox)) + "/" +
                   std::string(name_of(ended.answer));
          },
          [](const SealOrdered& order) { return word("seal_ordered", name_of(order.cause)); },
          [](const UnsealOrdered& order) { return word("unseal_ordered", name_of(order.cause)); },
          [](const SealEnded&) { return std::string("seal_ended"); },
          [](const KeysFetched&) { return std::string("keys_fetched"); },
          [](const KeysNotFetched& failed) {
            return word("keys_not_fetched", name_of(failed.answer)) +
                   (failed.ring_lost ? "/ring_lost" : "");
          },
          [](const LockboxAdded& added) {
            return word("lockbox_added", std::to_string(added.lockbox));
          },
          [](const LockboxRemoved& removed) {
            return word("lockbox_removed", std::to_string(removed.lockbox));
          },
          [](const PolicyChanged&) { return std::string("policy_changed"); },
      },
      event);
}

}  // namespace keyhold::control
