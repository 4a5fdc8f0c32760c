#include "host/store_status.h"

#include <fmt/core.h>

#include "cli/key_tree.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/terminal.h"
#include "cli/text_table.h"
#include "cli/units.h"

namespace keyhold::cli {
namespace {

using host::HostStatus;
using host::StoreStatus;
using keyring::CopyReport;
using keyring::CopyState;

// A KMS that denies has answered, too.
std::string kms_text(const HostStatus& host, WallTime now) {
  const bool well = host.last_kms_problem.empty();
  std::string text = well ? "" : host.last_kms_denied ? "; KMS denies" : "; KMS gives no answer";
  if (!host.last_kms_success) return text;
  return text + (well ? "; KMS last agreed " : ", last agreed ") +
         format_distance(*host.last_kms_success, now);
}

std::string host_text(const StoreStatus& status, WallTime now) {
  if (!status.host_problem.empty()) return "does not answer: " + status.host_problem;
  if (!status.host) return "none; whoever needs keys next becomes it";
  const HostStatus& host = *status.host;
  std::string text = fmt::format("pid {} ({}), {} since {}", host.pid, host.program,
                                 host::host_state_name(host.state), format_time(host.state_since));
  if (!host.reason.empty()) text += ": " + host.reason;
  text += kms_text(host, now);
  if (host.state_since != host.started) text += "; up since " + format_time(host.started);
  return text;
}

std::string_view copy_state_text(CopyState state) {
  switch (state) {
    case CopyState::good:
      return "good";
    case CopyState::behind:
      return "older than the other copy";
    case CopyState::missing:
      return "MISSING";
    case CopyState::damaged:
      return "DAMAGED";
    case CopyState::unsupported:
      return "made by a newer Keyhold";
  }
  return "unknown";
}

std::string copies_text(const StoreStatus& status) {
  std::string text;
  bool good = true;
  for (const CopyReport& copy : status.keyring.copies) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", copy.name, copy_state_text(copy.state));
    const bool says_more = copy.state != CopyState::missing && !copy.problem.empty();
    if (says_more) text += " (" + copy.problem + ")";
    good = good && copy.state == CopyState::good;
  }
  return good ? fmt::format("both copies good, sequence {}", status.keyring.contents.sequence)
              : text + "; the next host writes it anew";
}

std::string rollback_text(const StoreStatus& status) {
  if (status.anchor_problem) return status.anchor_problem->message();
  if (status.anchor_path.empty()) return "NOT DETECTED: this store has no anchor";
  return "looked for at every open, against " + status.anchor_path;
}

std::string rotation_text(const StoreStatus& status, WallTime now) {
  const keyring::Contents& contents = status.keyring.contents;
  std::string text = "a new DEK only on demand";
  if (contents.next_rotation_due != WallTime::max()) {
    text = contents.next_rotation_due <= now
               ? "a new DEK with the next host: overdue"
               : fmt::format("a new DEK {} ({})", format_distance(contents.next_rotation_due, now),
                             format_time(contents.next_rotation_due));
  }
  if (contents.rotation.bytes > 0) {
    text += fmt::format(", or after {}", format_bytes(contents.rotation.bytes));
  }
  return text;
}

std::string policy_text(const StoreStatus& status) {
  const host::LoadedPolicy& policy = status.policy;
  const std::string_view verified = status.policy_verified ? ", verified by the host" : "";
  switch (policy.state) {
    case host::PolicyState::tampered:
      return "TAMPERED WITH: " + policy.problem;
    case host::PolicyState::defaults:
      return fmt::format("the defaults{}", verified);
    default:
      return fmt::format("version {}{}", policy.version, verified);
  }
}

std::string to_text(const StoreStatus& status, WallTime now) {
  const keyring::Contents& contents = status.keyring.contents;
  const keyring::Identity& identity = contents.identity;
  const auto owner = fmt::format("{} / {} / {} / {}", identity.org.str(), identity.cluster.str(),
                                 identity.region.str(), identity.node.str());
  std::vector<std::vector<std::string>> rows = {
      {"  id", contents.store.hex()},
      {"  owner", printable(owner)},
      {"  host", printable(host_text(status, now))},
      {"  key ring", printable(copies_text(status))},
      {"  rollback", printable(rollback_text(status))},
      {"  policy", printable(policy_text(status))},
      {"  rotation", rotation_text(status, now)},
      {"  AEAD", status.aead_backend},
  };
  if (status.host) {
    rows.push_back({"  clones", status.host->clone_detection
                                    ? "listening for the kernel's word of a cloned machine"
                                    : "NOT NOTICED: the kernel gives no uevent socket"});
    for (const std::string& problem : status.host->upkeep_problems) {
      rows.push_back({"  problem", printable(problem)});
    }
  }
  if (!contents.accepted_rollbacks.empty()) {
    const auto& last = contents.accepted_rollbacks.back();
    rows.push_back({"  accepted", fmt::format("an older key ring ({} instead of {}) on {}",
                                              last.accepted_sequence, last.anchor_sequence,
                                              format_time(last.at))});
  }
  return fmt::format("store {}\n{}\n{}", printable(status.path), text_table(rows),
                     key_tree(status, now, utf8_locale()));
}

// The exit status speaks of the customer's will: a denial of any key, else no answer of all.
Status verdict(const StoreStatus& status) {
  const kms::Error* problem = nullptr;
  bool some_unwraps = false;
  for (const host::KmsAnswer& answer : status.kms) {
    if (answer.error && kms::is_denial(answer.error->fault())) {
      return fail(answer.error->to_error().within(answer.spec.uri.str()));
    }
    if (answer.error && problem == nullptr) problem = &*answer.error;
    some_unwraps = some_unwraps || answer.unwraps;
  }
  if (status.anchor_problem) return fail(*status.anchor_problem);
  if (status.host && status.host->state == host::HostState::sealed) {
    return fail(Code::sealed, "the host has sealed the store: " + status.host->reason);
  }
  if (problem == nullptr || some_unwraps) return {};
  return fail(problem->to_error());
}

// The store serves from one copy, so it is no failure.
void warn_of_copies(Output& output, const StoreStatus& status) {
  for (const CopyReport& copy : status.keyring.copies) {
    if (copy.state == CopyState::good || copy.state == CopyState::unsupported) continue;
    output.event(log::Level::warning,
                 fmt::format("{} of {} is {}: the next open of the store writes it anew from the "
                             "other copy; watch this disk",
                             copy.name, status.path, copy_state_text(copy.state)));
  }
}

Status show(Session& session, const std::string& path) {
  host::StatusOptions options;
  options.ask_kms = true;
  options.kms_timeout = session.settings.kms_deadline;
  KEYHOLD_TRY_ASSIGN(const auto status, host::describe_store(machine(), path, options));
  KEYHOLD_TRY(session.output.document(host::to_json_text(status),
                                      to_text(status, system_clock().wall_now())));
  warn_of_copies(session.output, status);
  return verdict(status);
}

}  // namespace

Command store_status_command() {
  const auto path = std::make_shared<std::string>();
  Command command;
  command.name = "status";
  command.summary = "Show a store's keys, its host, its health and what its KMS says now";
  command.paragraphs = {
      "Reads the key ring and asks the KMS once; takes no lock and changes nothing, so it works "
      "beside a running engine, and tells what it knows when the KMS is down or says no. Then the "
      "exit status says so: 3 denied, 4 no answer. An anchor that remembers a newer key ring, is "
      "not "
      "there or is another store's: 5."};
  command.arguments = {directory(*path, "the store")};
  command.examples = {{"keyhold store status /srv/store", ""},
                      {"keyhold store status /srv/store --json | jq .key_ring.generations", ""}};
  command.json = {
      {"path, store, identity", "directory, id, and names of org, cluster, region, node"},
      {"key_ring",
       "sequence, store_epoch, created, rotation, kek, lockboxes, generations, "
       "accepted_rollbacks"},
      {"key_ring.rotation", "age_seconds, bytes, next_due (null: not by age)"},
      {"key_ring.kek", "key_id, version, created"},
      {"key_ring.lockboxes[]",
       "key {type, uri ...}, kms_key_version, algorithm, kek_version, "
       "purpose, created, request_id"},
      {"key_ring.generations[]", "generation, key_id, kek_version, created, sealed_bytes"},
      {"copies[]", "of the key ring: name, state, sequence, problem"},
      {"anchor", "detects_rollback, path, problem"},
      {"policy", "state (defaults, set, tampered), version, verified, problem"},
      {"host", "null, or pid, program, started, state, reason, clone_detection ..."},
      {"host_problem", "why the host does not answer; only then"},
      {"kms[]", "key, unwraps, state, primary_version, deletion_date, fault, problem"},
      {"aead_backend, secret_memory", "of the host, else of this process"}};
  command.exit_statuses = {3, 4, 5, 6};
  command.run = [path](Session& session) { return show(session, *path); };
  return command;
}

}  // namespace keyhold::cli
