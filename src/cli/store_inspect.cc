#include <fmt/core.h>

#include "cli/file_header.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include "format/table.h"
#include "host/layout.h"
#include "host/store_status.h"
#include "kms/wrap_context.h"

namespace keyhold::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// The id of the store that the file lies in; nothing where that cannot be told.
std::optional<StoreId> surrounding_store(const std::string& path) {
  const auto root = find_store(path);
  if (!root) return std::nullopt;
  const auto ring =
      keyring::KeyRing::inspect(io::posix_file_system(), host::StoreLayout(*root).directory);
  if (!ring) return std::nullopt;
  return ring->contents.store;
}

Status inspect_file(Session& session, const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto file, read_file_header(path));
  const format::HeaderSlot& slot = file.header.current();
  const auto home = surrounding_store(path);
  const bool foreign = home && *home != slot.store_id;
  const std::string logical = file.logical_bytes ? std::to_string(*file.logical_bytes) : "";
  Json json = Json::object();
  json.set("path", path).set("format", format::kHeaderVersion).set("layout", mode_name(slot.mode));
  json.set("store", slot.store_id.hex()).set("of_this_store", home ? Json(!foreign) : Json());
  json.set("file_id", slot.file_id.hex()).set("dek_generation", number(slot.generation));
  json.set("salt", to_hex(slot.salt)).set("header_sequence", slot.sequence);
  json.set("closed", slot.mode == format::Mode::log ? Json(slot.closed) : Json());
  json.set("subkey_switches", slot.switches.size()).set("physical_bytes", file.physical_bytes);
  json.set("logical_bytes", file.logical_bytes ? Json(*file.logical_bytes) : Json());
  Rows rows = {
      {"  format", std::to_string(format::kHeaderVersion)},
      {"  layout", std::string(mode_name(slot.mode))},
      {"  store", slot.store_id.hex() + (foreign ? "  NOT the one that it lies in" : "")},
      {"  file id", slot.file_id.hex()},
      {"  DEK generation", std::to_string(number(slot.generation))},
      {"  salt", to_hex(slot.salt)},
      {"  header sequence", std::to_string(slot.sequence)},
      {"  on disk", std::to_string(file.physical_bytes) + " bytes"},
      {"  plaintext",
       logical.empty() ? "known only by reading it: the log was not closed" : logical + " bytes"},
  };
  return session.output.result(json,
                               fmt::format("{}\n{}\nas it stands: nothing was checked against "
                                           "a key, which is what verify does\n",
                                           printable(path), text_table(rows)));
}

std::string lockbox_text(const keyring::Lockbox& lockbox) {
  const Rows rows = {
      {"    KMS's version", lockbox.kms_key_version.str()},
      {"    algorithm", lockbox.algorithm},
      {"    made", format_time(lockbox.created)},
      {"    request id", lockbox.request_id},
      {"    context", kms::to_canonical_json(lockbox.context)},
      {"    size", std::to_string(lockbox.wrapped.size()) + " bytes"},
  };
  return fmt::format("  {} {}\n{}", kms::key_type_name(lockbox.spec.type), lockbox.spec.uri.str(),
                     text_table(rows));
}

std::string copy_text(const keyring::CopyReport& copy) {
  if (copy.state == keyring::CopyState::good) return "good";
  return copy.state == keyring::CopyState::missing ? "MISSING" : copy.problem;
}

std::string ring_text(const keyring::Inspection& inspection) {
  const keyring::Contents& contents = inspection.contents;
  Rows rows = {{"  store", contents.store.hex()},
               {"  sequence", std::to_string(contents.sequence)},
               {"  store epoch", std::to_string(contents.store_epoch)},
               {"  made", format_time(contents.created)}};
  for (const keyring::CopyReport& copy : inspection.copies) {
    rows.push_back({"  " + copy.name, copy_text(copy)});
  }
  std::string text = text_table(rows) + "\nlockboxes (wraps of the KEK)\n";
  for (const keyring::Lockbox& lockbox : contents.lockboxes) text += lockbox_text(lockbox);
  Rows keys = {{"  KEY", "ID", "MADE", "WRAPPED BY", "WRITTEN"}};
  keys.push_back({fmt::format("  KEK version {}", contents.kek_version), contents.kek_id.hex(),
                  format_time(contents.kek_created), "its lockboxes", "-"});
  for (const keyring::GenerationInfo& info : contents.generations) {
    keys.push_back({fmt::format("  DEK generation {}", number(info.generation)), info.key_id.hex(),
                    format_time(info.created), fmt::format("KEK version {}", info.kek_version),
                    format_bytes(info.sealed_bytes)});
  }
  return text + "\nkeys\n" + text_table(keys);
}

Status inspect_store(Session& session, const std::string& root) {
  KEYHOLD_TRY_ASSIGN(const auto status, host::describe_store(machine(), root));
  return session.output.document(
      host::to_json_text(status),
      printable_lines("key ring of " + root + "\n" + ring_text(status.keyring)));
}

Status inspect(Session& session, const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto info, io::posix_file_system().info(path));
  const bool is_folder = info.type == io::FileInfo::Type::directory;
  return is_folder ? inspect_store(session, path) : inspect_file(session, path);
}

}  // namespace

Command store_inspect_command() {
  const auto given = std::make_shared<std::string>();
  Command command;
  command.name = "inspect";
  command.summary = "Show the header of an encrypted file, or the records of a store's key ring";
  command.paragraphs = {
      "Needs neither the KMS nor the host: what it shows is not secret, and not "
      "checked against a key."};
  command.arguments = {required(path("PATH", "PATH", *given, "a file in a store, or the store"))};
  command.examples = {{"keyhold store inspect /srv/store/db/000012.sst", ""},
                      {"keyhold store inspect /srv/store", ""}};
  command.json = {
      {"(of a store)", "what 'keyhold store status --json' prints, without kms"},
      {"path", "the file"},
      {"format", "of its header"},
      {"layout", "table, log or page"},
      {"store", "the id of the store that it belongs to"},
      {"of_this_store", "whether that is the one it lies in; null where it lies in none"},
      {"file_id", "32 hexadecimal digits"},
      {"dek_generation", "that its key comes from"},
      {"salt", "64 hexadecimal digits, not secret"},
      {"header_sequence", "rises with every change of the header"},
      {"closed", "of a log: its writer closed it; else null"},
      {"subkey_switches", "how often its writer was forked or cloned"},
      {"physical_bytes", "its size on disk"},
      {"logical_bytes", "of plaintext, or null: known only by reading it"}};
  command.exit_statuses = {5, 6};
  command.run = [given](Session& session) { return inspect(session, *given); };
  return command;
}

}  // namespace keyhold::cli
