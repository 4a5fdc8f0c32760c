#include "cli/store_coverage.h"

#include <fmt/core.h>

#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/store_paths.h"
#include "cli/text_table.h"
#include "cli/units.h"

namespace keyhold::cli {
namespace {

using host::CoverageReport;
using store::FileCount;
using store::PendingFile;

constexpr std::size_t kShown = 20;

std::string_view why_text(PendingFile::Why why) {
  switch (why) {
    case PendingFile::Why::written:
      return "being written; follows when its engine closes it";
    case PendingFile::Why::deleted:
      return "deleted, but open in a process";
    case PendingFile::Why::unreadable:
      return "CANNOT BE READ; restore it or remove it";
    default:
      return "not re-encrypted yet";
  }
}

std::vector<std::string> row(std::string name, std::string kek, const FileCount& count) {
  return {std::move(name), std::move(kek), format_count(count.files), format_bytes(count.bytes)};
}

std::vector<std::vector<std::string>> rows_of(const CoverageReport& report) {
  std::vector<std::vector<std::string>> rows = {{"DEK generation", "KEK version", "files", "size"}};
  auto generations = report.coverage.generations;
  for (const auto& [generation, version] : report.kek_versions) generations.try_emplace(generation);
  for (const auto& [generation, count] : generations) {
    const auto version = report.kek_versions.find(generation);
    const std::string kek =
        version == report.kek_versions.end() ? "none" : std::to_string(version->second);
    const bool current = generation == report.current;
    rows.push_back(row(std::to_string(number(generation)) + (current ? " (new files)" : ""), kek,
                       count.named));
    if (count.unnamed.files > 0) rows.push_back(row("  deleted but open", "", count.unnamed));
  }
  if (report.coverage.unreadable.files > 0) {
    rows.push_back(row("CANNOT BE READ", "", report.coverage.unreadable));
  }
  if (report.coverage.plaintext.files > 0) {
    rows.push_back(row("PLAINTEXT", "", report.coverage.plaintext));
  }
  return rows;
}

Status coverage(Session& session, const std::string& root) {
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, root));
  KEYHOLD_TRY_ASSIGN(const CoverageReport report, keys->coverage());
  return session.output.document(host::to_json_text(report), coverage_text(report, root));
}

Status shred(Session& session, const std::string& root) {
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, root));
  KEYHOLD_TRY_ASSIGN(const host::ShredReport report, keys->shred());
  const Json json = Json::object()
                        .set("shredded_generations", report.generations)
                        .set("oldest_generation", number(report.oldest_kept))
                        .set("kek_version", report.kek_version);
  if (report.generations == 0) {
    return session.output.result(json, "there is no DEK generation but the current one\n");
  }
  return session.output.result(
      json, fmt::format("shredded {} DEK {} before {}; KEK version {} wraps what is left\n",
                        report.generations, report.generations == 1 ? "generation" : "generations",
                        number(report.oldest_kept), report.kek_version));
}

}  // namespace

std::string coverage_text(const CoverageReport& report, const std::string& root) {
  std::string text = text_table(rows_of(report));
  if (!report.wish.none()) {
    text +=
        fmt::format("re-encryption to generation {} is under way{}\n", number(report.wish.target),
                    report.workers.empty() ? ", but nobody works on it: start the engine, or "
                                             "run 'keyhold store reencrypt'"
                                           : "");
  }
  for (const host::FileWorkerInfo& worker : report.workers) {
    if (worker.problem.empty()) continue;
    text += printable(fmt::format("process {}: {}", worker.pid, worker.problem)) + "\n";
  }
  for (const std::string& path : report.coverage.plaintext_paths) {
    text += printable("plaintext: " + relative_to(root, path)) + "\n";
  }
  return text + pending_text(report, root);
}

std::string pending_text(const CoverageReport& report, const std::string& root) {
  std::string text;
  std::size_t shown = 0;
  for (const PendingFile& file : report.coverage.pending) {
    if (shown++ == kShown) return text + "and others\n";
    const std::string name = file.path.empty() ? "a file" : relative_to(root, file.path);
    text += printable(fmt::format(
                "pending: {} ({}): {}", name, format_bytes(file.bytes),
                file.problem.empty() ? std::string(why_text(file.why)) : file.problem)) +
            "\n";
  }
  return text;
}

Command store_coverage_command() {
  const auto root = std::make_shared<std::string>();
  Command command;
  command.name = "coverage";
  command.summary = "Show how much stands under each DEK generation, and in plaintext";
  command.paragraphs = {
      "Reads every file's header, and asks the engines what they have open, deleted files "
      "included. "
      "A file counts once however many names it has, under the older of the two generations that "
      "its header names."};
  command.arguments = {directory(*root, "the store")};
  command.examples = {{"keyhold store coverage /srv/store", ""},
                      {"keyhold store coverage /srv/store --json | jq .older.bytes", ""}};
  command.json = {
      {"current_generation, oldest_generation", "of the key ring"},
      {"generations[]", "generation, kek_version, named {files, bytes}, deleted_but_open {...}"},
      {"older", "files, bytes: what keeps the older generations from being shredded"},
      {"plaintext", "files, bytes, paths"},
      {"unreadable", "files, bytes: that bear Keyhold's mark and cannot be checked"},
      {"pending[]",
       "path, generation, bytes, problem, why: \"not-yet\", \"being-written\", "
       "\"deleted-but-open\", \"unreadable\""},
      {"wish", "null, or target, bytes_per_second: the re-encryption under way"},
      {"workers[]",
       "processes that work on the files: pid, generation, older_open_files, problem"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [root](Session& session) { return coverage(session, *root); };
  return command;
}

Command store_shred_command() {
  const auto root = std::make_shared<std::string>();
  Command command;
  command.name = "shred";
  command.summary = "Take the DEK generations before the current one away for good";
  command.paragraphs = {
      "Refuses, with exit status 7, while a file still needs one of them, and says which. Takes "
      "them "
      "out of both copies of the key ring, overwrites those, and makes a new KEK version. Whoever "
      "kept an old key ring and an old file can then read that file only with an unwrap by the "
      "CMEK "
      "of the old KEK version: to end that too, rotate the CMEK and 'keyhold store rewrap' before, "
      "and destroy the CMEK's older version in the KMS after."};
  command.arguments = {directory(*root, "the store")};
  command.examples = {
      {"keyhold store reencrypt /srv/store --rotate && keyhold store shred /srv/store", ""}};
  command.json = {{"shredded_generations", "how many are gone"},
                  {"oldest_generation", "the one that is left"},
                  {"kek_version", "the new one"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [root](Session& session) { return shred(session, *root); };
  return command;
}

}  // namespace keyhold::cli
