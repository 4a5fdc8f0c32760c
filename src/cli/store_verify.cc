#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "cli/open_for_writing.h"
#include "cli/parallel.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/store_paths.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include "io/file_system.h"
#include "store/verify.h"

namespace keyhold::cli {
namespace {

using store::Finding;
using store::VerifyReport;

struct Arguments {
  std::string store;
  std::vector<std::string> files;
};

// Bytes on disk, for the bar. What is gone meanwhile counts nothing.
std::uint64_t total_size(const std::vector<std::string>& paths) {
  std::uint64_t total = 0;
  for (const std::string& path : paths) {
    if (const auto info = io::posix_file_system().info(path)) total += info->size_bytes;
  }
  return total;
}

// A table that is being written has no final chunk yet; it was not looked at.
void forgive_missing_end(const std::string& path, VerifyReport& report) {
  const auto forgiven =
      std::erase_if(report.findings, [](const Finding& finding) { return finding.where == "end"; });
  if (forgiven == 0) return;
  report.open_logs.push_back(path);
  report.files = 0;
}

// One file. A running engine may have removed it since the list was made: then there is nothing to
// verify.
Result<VerifyReport> verify_file(store::Store& store, const std::string& path, bool listed,
                                 Progress& progress) {
  VerifyReport report;
  const bool was_being_written = open_for_writing(path);
  const auto status = store.verify(path, report, [&](std::uint64_t bytes) { progress.add(bytes); });
  if (status) {
    if (was_being_written || open_for_writing(path)) forgive_missing_end(path, report);
    return report;
  }
  if (listed && status.error().code() == Code::not_found) {
    KEYHOLD_TRY_ASSIGN(const bool there, io::exists(store.files(), path));
    if (!there) return VerifyReport{};
  }
  return fail(status.error());
}

Result<VerifyReport> verify_all(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const OpenStore opened, open_store(session, given.store));
  store::Store& store = *opened.files;
  const bool listed = given.files.empty();
  KEYHOLD_TRY_ASSIGN(const auto paths,
                     listed ? store.list_files() : inside_store(given.store, given.files));
  // A list names what no engine can reach too: it is no less looked at.
  if (!listed) {
    for (const std::string& path : paths) KEYHOLD_TRY(store.locate(path));
  }
  const auto progress = session.output.progress("verifying", total_size(paths));
  std::vector<VerifyReport> parts(paths.size());
  KEYHOLD_TRY(in_parallel(paths.size(), session.settings.jobs, [&](std::size_t i) -> Status {
    KEYHOLD_TRY_ASSIGN(parts.at(i), verify_file(store, paths.at(i), listed, *progress));
    return {};
  }));
  VerifyReport whole;
  for (const VerifyReport& part : parts) {
    whole.files += part.files;
    whole.logical_bytes += part.logical_bytes;
    whole.findings.insert(whole.findings.end(), part.findings.begin(), part.findings.end());
    whole.open_logs.insert(whole.open_logs.end(), part.open_logs.begin(), part.open_logs.end());
  }
  return whole;
}

std::string_view kind_name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::damage:
      return "damage";
    case Finding::Kind::unfinished:
      return "unfinished";
    case Finding::Kind::newer:
      return "newer";
  }
  return "unknown";
}

std::size_t files_with(const VerifyReport& report, Finding::Kind kind) {
  std::set<std::string> paths;
  for (const Finding& finding : report.findings) {
    if (finding.kind == kind) paths.insert(finding.path);
  }
  return paths.size();
}

std::string_view headline(const VerifyReport& report) {
  if (files_with(report, Finding::Kind::damage) > 0) return "damage found";
  if (files_with(report, Finding::Kind::unfinished) > 0) return "files without their end found";
  return report.findings.empty() ? "every byte is as it was written"
                                 : "files of a newer Keyhold found";
}

std::string file_count(std::size_t count) {
  return fmt::format("{} {}", count, count == 1 ? "file" : "files");
}

// The worst that was found, what to do about it, and what else there is.
Status verdict(const VerifyReport& report) {
  if (report.findings.empty()) return {};
  const auto damaged = files_with(report, Finding::Kind::damage);
  const auto unfinished = files_with(report, Finding::Kind::unfinished);
  const auto newer = files_with(report, Finding::Kind::newer);
  const std::string of_newer = file_count(newer) + " of a format that a newer Keyhold reads";
  if (damaged == 0 && unfinished == 0) {
    return fail(Code::unsupported, of_newer + ": not verified; all else is as it was written");
  }
  if (damaged == 0) {
    return fail(Code::integrity,
                file_count(unfinished) + (unfinished == 1 ? " was" : " were") +
                    " never closed, as a crash leaves them: open the database, which removes them, "
                    "and verify again; what is then still named was cut" +
                    (newer > 0 ? "; " + of_newer : ""));
  }
  const auto places = static_cast<std::size_t>(
      std::ranges::count(report.findings, Finding::Kind::damage, &Finding::kind));
  return fail(Code::integrity,
              fmt::format("{} of {} {} damaged, in {} {}: restore what is named above from a "
                          "backup or another node; all else is as it was written",
                          damaged, report.files, report.files == 1 ? "file" : "files", places,
                          places == 1 ? "place" : "places") +
                  (unfinished > 0 ? ", but for " + file_count(unfinished) + " never closed" : "") +
                  (newer > 0 ? ", but for " + of_newer : ""));
}

Json to_json(const VerifyReport& report, const std::string& root) {
  Json findings = Json::array();
  for (const Finding& finding : report.findings) {
    findings.add(Json::object()
                     .set("kind", kind_name(finding.kind))
                     .set("path", relative_to(root, finding.path))
                     .set("where", finding.where)
                     .set("what", finding.what));
  }
  Json open_files = Json::array();
  for (const std::string& path : report.open_logs) open_files.add(relative_to(root, path));
  Json json = Json::object();
  json.set("store", root).set("files", report.files).set("logical_bytes", report.logical_bytes);
  return json.set("findings", findings).set("open_files", open_files);
}

std::string to_text(const VerifyReport& report, const std::string& root) {
  std::string text;
  for (const Finding& finding : report.findings) {
    const std::string place =
        finding.what.find(finding.where) == std::string::npos ? finding.where + ": " : "";
    text += printable(relative_to(root, finding.path) + ": " + place + finding.what) + "\n";
  }
  const auto open_files = report.open_logs.size();
  text += fmt::format("verified {} {}, {}: ", format_count(report.files),
                      report.files == 1 ? "file" : "files", format_bytes(report.logical_bytes));
  text += std::string(headline(report)) + "\n";
  if (open_files > 0) {
    text += fmt::format("{} {} not closed: being written, or left by a crash\n", open_files,
                        open_files == 1 ? "file is" : "files are");
  }
  return text;
}

Status verify(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const auto report, verify_all(session, given));
  KEYHOLD_TRY(session.output.result(to_json(report, given.store), to_text(report, given.store)));
  return verdict(report);
}

}  // namespace

Command store_verify_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "verify";
  command.summary = "Read every byte of a store and check it against its tags";
  command.paragraphs = {
      "Names each damaged file and block: a flipped bit, a moved block, a block or file of another "
      "store, a truncated file, a plaintext file that does not belong there. Changes nothing. "
      "Beside a running engine, logs that it is writing are read as far as they go; tables are "
      "left out "
      "until they are closed."};
  command.arguments = {
      directory(given->store, "the store"),
      texts("FILE", given->files, "only these, absolute or from the store's root")};
  command.arguments.back().completion = Completion::file;
  command.examples = {{"keyhold store verify /srv/store", ""},
                      {"keyhold store verify /srv/store db/000012.sst", "one file"},
                      {"keyhold store verify /srv/store --json | jq -r '.findings[].path'", ""}};
  command.json = {
      {"store", "its directory"},
      {"files", "how many were read"},
      {"logical_bytes", "of plaintext, read and found as written"},
      {"findings[].kind", "damage, unfinished (a table that was never closed) or newer (format)"},
      {"findings[].path", "the file, from the store's root"},
      {"findings[].where", "the place: \"header\", \"chunk 17\", \"end\" ..."},
      {"findings[].what", "a sentence"},
      {"open_files", "paths of files being written, and of logs that a crash left open"}};
  command.exit_statuses = {1, 3, 4, 5, 6, 7};
  command.run = [given](Session& session) { return verify(session, *given); };
  return command;
}

}  // namespace keyhold::cli
