#include <algorithm>

#include <fmt/core.h>

#include "audit/verify.h"
#include "cli/audit_commands.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include "host/recording_client.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

using audit::Admission;
using audit::Finding;
using audit::VerifyReport;

struct Arguments {
  std::string store;
  std::string kms_log;
  bool offline = false;
};

struct Verified {
  VerifyReport log;
  std::string not_checked;  // why the checkpoints were not; empty where they were
  std::optional<Reconciliation> calls;
};

// The KEK is with the store's host alone: where no other process is it, this one is for a moment.
Status check_with_key(Session& session, const std::string& store, VerifyReport& report) {
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
  auto* host = dynamic_cast<host::Host*>(keys.get());
  if (host == nullptr) {
    return fail(Code::busy, "another process is the store's host, and keeps the KEK to itself");
  }
  return audit::check_checkpoints(report, host::audit_signer(host->ring()));
}

Result<Verified> verify_all(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const std::string directory, audit_directory(given.store));
  Verified verified;
  // The KMS's log is read with the audit log as it is now: checking the key makes calls of its own.
  if (!given.kms_log.empty()) {
    KEYHOLD_TRY_ASSIGN(verified.calls, reconcile_with(given.kms_log, given.store));
  }
  KEYHOLD_TRY_ASSIGN(verified.log, audit::verify_log(io::posix_file_system(), directory));
  if (given.offline) {
    verified.not_checked = "--offline";
  } else if (const Status checked = check_with_key(session, given.store, verified.log); !checked) {
    verified.not_checked = checked.error().message();
  }
  return verified;
}

Json to_json(const Finding& finding) {
  Json json = Json::object();
  json.set("segment", finding.segment).set("line", finding.line);
  return json.set("seq", finding.seq).set("what", finding.what);
}

Json to_json(const Admission& admission) {
  Json json = Json::object();
  json.set("seq", admission.seq).set("event", admission.event);
  return json.set("count", admission.count).set("message", admission.message);
}

Json to_json(const Verified& verified, const std::string& store) {
  const VerifyReport& log = verified.log;
  Json findings = Json::array();
  for (const Finding& finding : log.findings) findings.add(to_json(finding));
  Json admissions = Json::array();
  for (const Admission& admission : log.admissions) admissions.add(to_json(admission));
  Json checkpoints = Json::object();
  checkpoints.set("count", log.checkpoints.size()).set("checked", log.checked);
  checkpoints.set("problem", verified.not_checked.empty() ? Json() : Json(verified.not_checked));
  checkpoints.set("good", log.good_checkpoints).set("older_kek", log.older_checkpoints);
  checkpoints.set("signed_up_to", log.signed_up_to);
  Json json = Json::object();
  json.set("store", store).set("records", log.records).set("segments", log.segments);
  json.set("last_seq", log.last_seq).set("head", to_hex(log.head));
  json.set("torn_bytes", log.torn_bytes).set("findings", findings).set("admissions", admissions);
  json.set("checkpoints", checkpoints);
  return json.set("calls", verified.calls ? to_json(*verified.calls) : Json());
}

std::string checkpoints_text(const Verified& verified) {
  const VerifyReport& log = verified.log;
  const std::size_t count = log.checkpoints.size();
  if (!log.checked) {
    return fmt::format("{} {} not checked: {}\n", format_count(count),
                       count == 1 ? "checkpoint was" : "checkpoints were",
                       printable(verified.not_checked));
  }
  if (count == 0) return "there is no checkpoint: nothing is signed yet\n";
  std::string text = fmt::format("checkpoints: {} good", format_count(log.good_checkpoints));
  if (log.older_checkpoints > 0) {
    text += fmt::format(", {} of older KEKs{}", format_count(log.older_checkpoints),
                        log.good_checkpoints > 0 ? " covered by them" : "");
  }
  const std::uint64_t unsigned_records = log.last_seq - std::min(log.signed_up_to, log.last_seq);
  text += fmt::format("; the host signed all up to record {}", log.signed_up_to);
  if (unsigned_records > 0) text += fmt::format(", {} not yet", format_count(unsigned_records));
  return text + "\n";
}

std::string to_text(const Verified& verified, const Arguments& given) {
  const VerifyReport& log = verified.log;
  std::string text;
  for (const Finding& finding : log.findings) {
    const std::string line = finding.line == 0 ? "" : fmt::format(", line {}", finding.line);
    text += printable(fmt::format("{}{}: {}", finding.segment, line, finding.what)) + "\n";
  }
  for (const Admission& admission : log.admissions) {
    text += printable(fmt::format("record {} says: {}{} {}", admission.seq, admission.event,
                                  admission.count == 0 ? "" : fmt::format(" {}", admission.count),
                                  admission.message)) +
            "\n";
  }
  text += fmt::format(
      "{} {} in {} {}: {}\n", format_count(log.records), log.records == 1 ? "record" : "records",
      format_count(log.segments), log.segments == 1 ? "segment" : "segments",
      log.findings.empty() ? "the chain is whole" : "the log is not what was written");
  text += fmt::format("head: record {}, SHA-256 {}\n", log.last_seq, to_hex(log.head));
  if (log.torn_bytes > 0) {
    text += fmt::format("{} behind it: being written, or torn by a crash\n",
                        format_bytes(log.torn_bytes));
  }
  text += checkpoints_text(verified);
  if (verified.calls) text += to_text(*verified.calls, given.kms_log);
  return text;
}

Status verify(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const Verified verified, verify_all(session, given));
  KEYHOLD_TRY(session.output.result(to_json(verified, given.store), to_text(verified, given)));
  if (!verified.log.findings.empty()) {
    return fail(Code::integrity,
                "the audit log was changed: somebody could write to " + given.store +
                    "/.keyhold/audit; compare it with a copy, and with the KMS's own log");
  }
  if (verified.calls && !verified.calls->is_good()) {
    return fail(Code::integrity, "the audit log and the KMS's log do not tell the same calls");
  }
  return {};
}

}  // namespace

Command audit_verify_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "verify";
  command.summary = "Check that the log is what the host wrote, and that the KMS tells the same";
  command.paragraphs = {
      "Checks without any key that no line was changed, left out, doubled or moved. Then, where "
      "the "
      "KMS gives the store's keys and no other process is the host, the checkpoints: they show "
      "that "
      "the host itself wrote everything up to the last one. Where it cannot, it says so.",
      "With --kms-log it compares the log with a LOCAL KMS's access log, both ways, and names each "
      "call that is in only one of them: one that nobody recorded, or one that never happened. "
      "That "
      "also shows when the newest records were cut off, which a chain alone does not."};
  command.arguments = {
      directory(given->store, "the store"),
      path("--kms-log", "DIR", given->kms_log, "compare with the access log of the LOCAL KMS there",
           Completion::directory),
      flag("--offline", given->offline, "do not ask the KMS: check the chain alone")};
  command.examples = {{"keyhold audit verify /srv/store", ""},
                      {"keyhold audit verify /srv/store --kms-log /srv/customer-kms", ""}};
  command.json = {
      {"store", "its directory"},
      {"records", "how many were read"},
      {"segments", "in how many files"},
      {"last_seq", "the number of the last record"},
      {"head", "SHA-256 of the last line: keep it elsewhere, and the log can never lose it unseen"},
      {"torn_bytes", "behind it: being written, or torn by a crash"},
      {"findings[]", "segment, line, seq, what: what is not as it was written"},
      {"admissions[]",
       "seq, event, count, message: where the log itself says that it is not whole"},
      {"checkpoints", "count, checked, problem, good, older_kek, signed_up_to"},
      {"calls",
       "null, or in_both, only_in_audit[], only_in_kms[], different[], lost_at_a_crash[] ..."}};
  command.exit_statuses = {5, 6};
  command.run = [given](Session& session) { return verify(session, *given); };
  return command;
}

}  // namespace keyhold::cli
