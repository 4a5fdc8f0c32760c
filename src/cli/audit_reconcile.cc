// `keyhold audit verify --kms-log`: the logs of both sides, read and shown.
#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "audit/read.h"
#include "base/timestamp.h"
#include "cli/audit_commands.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include "host/layout.h"
#include "io/file_system.h"
#include "keyring/keyring.h"
#include "kms/local/admin.h"

namespace keyhold::cli {
namespace {

Result<Reconciler::Source> source_of(const kms::LocalKms& kms, const std::string& store) {
  io::FileSystem& files = io::posix_file_system();
  Reconciler::Source source;
  source.kms_directory = kms.directory();
  KEYHOLD_TRY_ASSIGN(source.kms_log_was_cut,
                     io::exists(files, io::join_path(kms.directory(), "access.log.1")));
  // A key ring that cannot be read is `store verify`'s to complain of.
  const auto ring = keyring::KeyRing::inspect(files, host::StoreLayout(store).directory);
  if (ring) source.key_ids.insert(ring->contents.kek_id.hex());
  source.read_at = system_clock().wall_now();
  return source;
}

Json to_json(const Call& call) {
  Json json = Json::object();
  json.set("time", format_timestamp(call.time)).set("operation", call.operation);
  json.set("key", call.key).set("outcome", call.outcome).set("request_id", call.request_id);
  if (call.seq != 0) json.set("seq", call.seq);
  if (call.pid != 0) json.set("pid", call.pid);
  return json;
}

Json to_json(const std::vector<Call>& calls) {
  Json json = Json::array();
  for (const Call& call : calls) json.add(to_json(call));
  return json;
}

std::string to_text(const Call& call) {
  const std::string who =
      call.seq != 0 ? fmt::format("record {}", call.seq) : fmt::format("pid {}", call.pid);
  return fmt::format("{}  {}  {}  {}  request {}  {}", format_timestamp(call.time), call.operation,
                     call.key, call.outcome, call.request_id, who);
}

std::string list(std::string_view title, const std::vector<Call>& calls) {
  std::string text;
  for (const Call& call : calls)
    text += printable(fmt::format("{}: {}", title, to_text(call))) + "\n";
  return text;
}

std::string note(std::uint64_t count, std::string_view what) {
  return count == 0 ? std::string() : fmt::format("{} {}\n", format_count(count), what);
}

}  // namespace

Result<Reconciliation> reconcile_with(const std::string& kms_directory, const std::string& store) {
  KEYHOLD_TRY_ASSIGN(const auto kms, kms::LocalKms::open(kms_directory));
  KEYHOLD_TRY_ASSIGN(auto source, source_of(kms, store));
  // First the KMS's log: what our host writes meanwhile is not missing there.
  KEYHOLD_TRY_ASSIGN(auto entries, kms.log(std::numeric_limits<std::size_t>::max()));
  Reconciler reconciler(std::move(source), std::move(entries));
  KEYHOLD_TRY(audit::read_log(io::posix_file_system(), host::StoreLayout(store).audit, 1,
                              [&](const audit::Line&, const audit::Record* record) {
                                if (record != nullptr) reconciler.take(*record);
                                return true;
                              }));
  return std::move(reconciler).finish();
}

Json to_json(const Reconciliation& found) {
  Json different = Json::array();
  for (const Difference& one : found.different) {
    different.add(Json::object().set("audit", to_json(one.audit)).set("kms", to_json(one.kms)));
  }
  Json json = Json::object();
  json.set("in_both", found.in_both).set("only_in_audit", to_json(found.only_in_audit));
  json.set("only_in_kms", to_json(found.only_in_kms)).set("different", different);
  json.set("lost_at_a_crash", to_json(found.lost_at_a_crash)).set("under_way", found.under_way);
  json.set("before_kms_log", found.before_kms_log).set("of_others", found.of_others);
  return json.set("other_kms", found.other_kms).set("not_attributable", found.not_attributable);
}

std::string to_text(const Reconciliation& found, const std::string& kms_directory) {
  std::string text = list("only in the KMS's log", found.only_in_kms);
  text += list("only in the audit log", found.only_in_audit);
  for (const Difference& one : found.different) {
    text += printable("told differently: " + to_text(one.audit) + "; the KMS: " + to_text(one.kms));
    text += "\n";
  }
  text += list("not recorded, a host had ended uncleanly", found.lost_at_a_crash);
  text += fmt::format("{} {} in both this log and that of {}\n", format_count(found.in_both),
                      found.in_both == 1 ? "call is" : "calls are", printable(kms_directory));
  text += note(found.under_way, "of the last seconds are not compared");
  text += note(found.before_kms_log, "are older than what the KMS's log still has");
  text += note(found.of_others, "in the KMS's log are other stores'");
  text += note(found.not_attributable,
               "in the KMS's log name no store (describe, of a key that others use too)");
  text += note(found.other_kms, "in the audit log went to another KMS");
  return text;
}

}  // namespace keyhold::cli
