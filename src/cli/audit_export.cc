#include <array>
#include <string_view>

#include <fmt/core.h>

#include "audit/read.h"
#include "base/timestamp.h"
#include "cli/audit_commands.h"
#include "cli/session.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

constexpr std::size_t kPieceBytes = 256U << 10U;
constexpr std::string_view kCsvHead =
    "seq,time,event,outcome,cause,key_uri,key_version,request_id,key_id,kek_version,"
    "dek_generation,purpose,count,message,store,mac,prev\r\n";

struct Arguments {
  std::string store;
  std::string format = "jsonl";
  int from = 1;
};

// RFC 4180, always in quotes. A cell that a spreadsheet would run as a formula begins with an
// apostrophe.
void append_cell(std::string& out, std::string_view text) {
  constexpr std::string_view kFormula = "=+-@\t\r";
  out += '"';
  if (!text.empty() && kFormula.find(text.front()) != std::string_view::npos) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string number_or_nothing(std::uint64_t number) {
  return number == 0 ? std::string() : std::to_string(number);
}

std::string csv_row(const audit::Record& record) {
  const std::array cells = {std::to_string(record.seq),
                            format_timestamp(record.time),
                            record.event,
                            record.outcome,
                            record.cause,
                            record.key_uri,
                            record.key_version,
                            record.request_id,
                            record.key_id,
                            number_or_nothing(record.kek_version),
                            number_or_nothing(record.dek_generation),
                            record.purpose,
                            number_or_nothing(record.count),
                            record.message,
                            record.store,
                            record.mac ? to_hex(*record.mac) : std::string(),
                            to_hex(record.prev)};
  std::string row;
  for (const std::string& cell : cells) {
    if (!row.empty()) row += ',';
    append_cell(row, cell);
  }
  return row + "\r\n";
}

Status export_log(Session& session, const Arguments& given) {
  if (given.from < 1) return fail(Code::invalid_argument, "--from: at least 1");
  KEYHOLD_TRY_ASSIGN(const std::string directory, audit_directory(given.store));
  const bool csv = given.format == "csv";
  std::string piece(csv ? kCsvHead : "");
  std::uint64_t damaged = 0;
  Status written;
  KEYHOLD_TRY(audit::read_log(io::posix_file_system(), directory,
                              static_cast<std::uint64_t>(given.from),
                              [&](const audit::Line& line, const audit::Record* record) {
                                if (record == nullptr) {
                                  ++damaged;
                                  return true;
                                }
                                piece += csv ? csv_row(*record) : std::string(line.text) + "\n";
                                if (piece.size() < kPieceBytes) return true;
                                written = session.output.raw(piece);
                                piece.clear();
                                return written.has_value() && !session.output.reader_left();
                              }));
  KEYHOLD_TRY(written);
  KEYHOLD_TRY(session.output.raw(piece));
  if (damaged == 0) return {};
  return fail(Code::integrity,
              fmt::format("{} left out: see 'keyhold audit verify {}'",
                          damaged == 1 ? "a line that is no record was"
                                       : fmt::format("{} lines that are no records were", damaged),
                          given.store));
}

}  // namespace

Command audit_export_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "export";
  command.summary = "Write the whole log to standard output";
  command.paragraphs = {
      "jsonl is the log as it stands, line for line: a copy can be verified and hashed again. csv "
      "is "
      "for spreadsheets; a cell that one would take for a formula begins with an apostrophe. The "
      "chain is not checked here."};
  Argument format = text("--format", "FORMAT", given->format, "jsonl (default) or csv");
  format.choices = {"jsonl", "csv"};
  command.arguments = {directory(given->store, "the store"), std::move(format),
                       number("--from", "SEQ", given->from, "begin with this record (default 1)")};
  command.examples = {{"keyhold audit export /srv/store > audit.jsonl", ""},
                      {"keyhold audit export /srv/store --format csv > audit.csv", ""}};
  command.exit_statuses = {5, 6};
  command.run = [given](Session& session) { return export_log(session, *given); };
  return command;
}

}  // namespace keyhold::cli
