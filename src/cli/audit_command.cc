#include "base/timestamp.h"
#include "cli/audit_commands.h"
#include "cli/commands.h"
#include "cli/store_access.h"
#include "cli/text_table.h"
#include "host/layout.h"
#include "io/file_system.h"

namespace keyhold::cli {

Result<std::string> audit_directory(const std::string& store) {
  const host::StoreLayout layout(store);
  KEYHOLD_TRY_ASSIGN(const bool found, io::exists(io::posix_file_system(), layout.directory));
  if (!found) return fail(Code::not_found, "there is no store at " + store);
  return layout.audit;
}

Json to_json(const audit::Record& record) {
  Json json = Json::object();
  json.set("seq", record.seq).set("time", format_timestamp(record.time));
  json.set("event", record.event).set("outcome", record.outcome);
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) json.set(name, value);
  };
  const auto number = [&](const char* name, std::uint64_t value) {
    if (value != 0) json.set(name, value);
  };
  text("cause", record.cause);
  text("key_uri", record.key_uri);
  text("key_version", record.key_version);
  text("request_id", record.request_id);
  text("key_id", record.key_id);
  number("kek_version", record.kek_version);
  number("dek_generation", record.dek_generation);
  text("purpose", record.purpose);
  number("count", record.count);
  text("message", record.message);
  text("store", record.store);
  if (record.mac) json.set("mac", to_hex(*record.mac));
  return json.set("prev", to_hex(record.prev));
}

std::string to_line(const audit::Record& record) {
  std::string line = format_timestamp(record.time) + "  " + std::to_string(record.seq) + "  " +
                     record.event + "  " + record.outcome;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) line += "  " + name + value;
  };
  add("", record.key_uri);
  add("request ", record.request_id);
  if (record.dek_generation != 0) add("generation ", std::to_string(record.dek_generation));
  if (record.count != 0) add("count ", std::to_string(record.count));
  add("", record.cause);
  add("", record.message);
  return printable(line) + "\n";
}

Command audit_command() {
  Command command;
  command.name = "audit";
  command.summary =
      "Check, follow and export what a store's host asked of a KMS, was told, and did";
  command.paragraphs = {
      "The host of a store keeps an append-only log in STORE/.keyhold/audit: every request to a "
      "KMS "
      "with the KMS's request id, every seal and unseal, denial, outage, rotation and order. Each "
      "line holds the hash of the one before it, and checkpoints carry a MAC under the store's "
      "KEK. "
      "Reading it needs no key and disturbs no host."};
  command.subcommands = {audit_verify_command(), audit_tail_command(), audit_export_command()};
  return command;
}

}  // namespace keyhold::cli
