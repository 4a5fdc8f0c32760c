#include <thread>

#include <fmt/core.h>

#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "host/seal_orders.h"
#include "host/store_status.h"

namespace keyhold::cli {
namespace {

// A seal waits for the engine's fence and for a KMS call under way.
constexpr auto kOrderPatience = std::chrono::seconds(30);
// Three successes a second apart, then the keys; a margin for a slow KMS.
constexpr auto kUnsealPatience = std::chrono::seconds(20);

Deadline patience(std::chrono::nanoseconds span) {
  return Deadline::after(system_clock(), span);
}

Status seal(Session& session, const std::string& store) {
  KEYHOLD_TRY_ASSIGN(const auto taken,
                     host::order_seal(machine(), store, patience(kOrderPatience)));
  const bool host = taken == host::OrderTaken::by_host;
  return session.output.result(
      Json::object().set("sealed", true).set("host", host),
      host ? "sealed: the host holds no key any more, and its engine is stopped\n"
           : "sealed: no host runs, and none will open the store until it is unsealed\n");
}

// The host's state, once it serves or its time is over.
Result<host::HostStatus> await_serving(const std::string& store) {
  const Deadline deadline = patience(kUnsealPatience);
  for (;;) {
    KEYHOLD_TRY_ASSIGN(const auto status, host::describe_store(machine(), store));
    if (!status.host) {
      return fail(Code::unavailable, "the store's host ended, or does not answer");
    }
    const host::HostState state = status.host->state;
    const bool serves = state == host::HostState::serving || state == host::HostState::degraded;
    if (serves || deadline.expired(system_clock())) return *status.host;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // bounded poll of the host
  }
}

Status unseal(Session& session, const std::string& store) {
  KEYHOLD_TRY_ASSIGN(const auto taken,
                     host::order_unseal(machine(), store, patience(kOrderPatience)));
  if (taken == host::OrderTaken::by_tombstone) {
    return session.output.result(Json::object().set("state", "unsealed").set("host", false),
                                 "unsealed: the next host may open the store\n");
  }
  KEYHOLD_TRY_ASSIGN(const auto status, await_serving(store));
  const auto state = host::host_state_name(status.state);
  const bool serves =
      status.state == host::HostState::serving || status.state == host::HostState::degraded;
  if (!serves) {
    return fail(
        status.last_kms_denied ? Code::denied : Code::unavailable,
        fmt::format("no order keeps the store sealed, but the host is {} still: {}", state,
                    status.last_kms_problem.empty() ? status.reason : status.last_kms_problem));
  }
  return session.output.result(Json::object().set("state", state).set("host", true),
                               "unsealed: the host serves again\n");
}

}  // namespace

Command store_seal_command() {
  const auto store = std::make_shared<std::string>();
  Command command;
  command.name = "seal";
  command.summary = "Stop the engine, wipe every key, and keep the store closed";
  command.paragraphs = {
      "The store's host stops its engine, refuses all I/O and wipes every key; the order is "
      "written "
      "to STORE/.keyhold/tombstone first, so that a restart or a reboot stays sealed. Where no "
      "host "
      "runs, that file alone is written. What the engine had synced is there when the store is "
      "unsealed. 'keyhold store unseal' undoes it; access that the KMS takes away or gives back "
      "does not."};
  command.arguments = {directory(*store, "the store")};
  command.examples = {{"keyhold store seal /srv/store", ""}};
  command.json = {{"sealed", "true"}, {"host", "whether a running host obeyed"}};
  command.exit_statuses = {4, 6, 7};
  command.run = [store](Session& session) { return seal(session, *store); };
  return command;
}

Command store_unseal_command() {
  const auto store = std::make_shared<std::string>();
  Command command;
  command.name = "unseal";
  command.summary = "Undo 'store seal': the host serves again once its KMS agrees";
  command.paragraphs = {
      "Clears the order of 'keyhold store seal', and no other: what a REVOKE sealed, a RESTORE "
      "opens. A running host then asks its KMS for three successes, a second apart, fetches the "
      "keys and serves; this command waits for it, 20 s at most."};
  command.arguments = {directory(*store, "the store")};
  command.examples = {{"keyhold store unseal /srv/store", ""}};
  command.json = {{"state", "of the host: serving, degraded; unsealed where none runs"},
                  {"host", "whether a running host obeyed"}};
  command.exit_statuses = {3, 4, 6, 7};
  command.run = [store](Session& session) { return unseal(session, *store); };
  return command;
}

}  // namespace keyhold::cli
