#include <cstdio>
#include <string>

#include <fmt/core.h>
#include <unistd.h>

#include "cli/nesting.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/terminal.h"
#include "host/host.h"
#include "host/store_status.h"

namespace keyhold::cli {
namespace {

struct Arguments {
  std::string store;
  std::string anchor;
  bool yes = false;
};

// Asks on the terminal; without one, --yes must have been given.
Status confirm(const Arguments& given, const std::string& anchor) {
  if (given.yes) return {};
  if (!is_terminal(STDIN_FILENO) || !is_terminal(STDERR_FILENO)) {
    return fail(Code::invalid_argument, "this needs a confirmation: run it with --yes");
  }
  std::fprintf(
      stderr,
      "Keys made since the older key ring was saved are lost with it, and so is every file "
      "under them.\n%s%s\nAccept the key ring of %s as it is? [y/N] ",
      anchor.empty() ? "The store goes on without an anchor" : "It is written into the anchor ",
      anchor.c_str(), given.store.c_str());
  const int answer = std::getchar();
  if (answer == 'y' || answer == 'Y') return {};
  return fail(Code::invalid_argument, "not confirmed: nothing was changed");
}

std::string outcome_text(bool accepted, std::uint64_t sequence, const std::string& anchor) {
  if (anchor.empty()) return "the store goes on without an anchor: rollback is not detected\n";
  if (accepted) {
    return fmt::format("accepted; recorded in the key ring (sequence {}) and in the anchor {}\n",
                       sequence, anchor);
  }
  return fmt::format("nothing to accept: the key ring is as new as the anchor {} says\n", anchor);
}

Status accept(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const auto before, host::describe_store(machine(), given.store));
  const bool has_none = before.anchor_path.empty() && !before.anchor_problem;
  if (has_none && given.anchor.empty()) {
    return fail(Code::invalid_argument, given.store +
                                            " has no anchor: rollback is not detected, so there is "
                                            "nothing to accept; --anchor FILE gives it one");
  }
  const auto anchor = given.anchor.empty() ? before.anchor_path : given.anchor;
  KEYHOLD_TRY(refuse_anchor_in_store(given.anchor, given.store));
  KEYHOLD_TRY(confirm(given, anchor));
  host::HostOptions options = host_options(session.settings);
  options.accept_rollback = true;
  options.anchor_path = given.anchor;
  KEYHOLD_TRY_ASSIGN(const auto host, host::Host::open(machine(), given.store, options));
  const bool accepted = host->ring().health().rollback_accepted;
  const auto sequence = host->ring().contents().sequence;
  Json json = Json::object().set("accepted", accepted).set("sequence", sequence);
  return session.output.result(json.set("anchor", anchor.empty() ? Json() : Json(anchor)),
                               outcome_text(accepted, sequence, anchor));
}

}  // namespace

Command store_accept_rollback_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "accept-rollback";
  command.summary = "Accept a key ring that is older than the anchor remembers";
  command.paragraphs = {
      "A store whose key ring is older than its anchor does not open: someone may have put an old "
      "copy back to undo a rotation. After a restore of the machine's disk on purpose, or after "
      "the "
      "anchor was lost, this says so; the key ring keeps a record of it. The engine must be "
      "stopped."};
  command.arguments = {directory(given->store, "the store"),
                       flag("--yes", given->yes, "do not ask"),
                       path("--anchor", "FILE", given->anchor, "use this anchor from now on")};
  command.examples = {{"keyhold store accept-rollback /srv/store", ""}};
  command.json = {{"accepted", "whether there was something to accept"},
                  {"sequence", "of the key ring now"},
                  {"anchor", "its file"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) { return accept(session, *given); };
  return command;
}

}  // namespace keyhold::cli
