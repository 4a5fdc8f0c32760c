#include <poll.h>
#include <unistd.h>

#include "audit/read.h"
#include "cli/audit_commands.h"
#include "cli/session.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

struct Arguments {
  std::string store;
  int count = 20;
  bool follow = false;
};

struct Batch {
  std::vector<audit::Record> records;
  std::string lines;  // as they stand in the log
  std::uint64_t next_seq = 1;
};

Result<Batch> read_from(const std::string& directory, std::uint64_t first_seq) {
  Batch batch;
  batch.next_seq = first_seq;
  KEYHOLD_TRY(audit::read_log(io::posix_file_system(), directory, first_seq,
                              [&](const audit::Line& line, const audit::Record* record) {
                                if (record == nullptr) return true;
                                batch.records.push_back(*record);
                                batch.lines.append(line.text).append("\n");
                                batch.next_seq = record->seq + 1;
                                return true;
                              }));
  return batch;
}

std::string text_of(const Batch& batch) {
  std::string text;
  for (const audit::Record& record : batch.records) text += to_line(record);
  return text;
}

// A moment's pause. False once nobody reads standard output any more.
bool has_reader_after_pause() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  constexpr int kPauseMs = 250;
  const int ready = ::poll(&out, 1, kPauseMs);
  return ready <= 0 || (out.revents & (POLLERR | POLLHUP)) == 0;
}

// Until whoever reads has had enough.
Status follow(Session& session, const std::string& directory, Batch batch) {
  const bool as_json = session.output.json();
  for (;;) {
    const Status written = session.output.raw(as_json ? batch.lines : text_of(batch));
    if (!written || session.output.reader_left()) return written;
    if (!has_reader_after_pause()) return {};
    KEYHOLD_TRY_ASSIGN(batch, read_from(directory, batch.next_seq));
  }
}

Status tail(Session& session, const Arguments& given) {
  if (given.count < 0) return fail(Code::invalid_argument, "--lines: at least 0");
  KEYHOLD_TRY_ASSIGN(const std::string directory, audit_directory(given.store));
  KEYHOLD_TRY_ASSIGN(const std::uint64_t last,
                     audit::last_record(io::posix_file_system(), directory));
  const auto wanted = static_cast<std::uint64_t>(given.count);
  KEYHOLD_TRY_ASSIGN(Batch batch, read_from(directory, last >= wanted ? last - wanted + 1 : 1));
  if (given.follow) return follow(session, directory, std::move(batch));
  Json records = Json::array();
  for (const audit::Record& record : batch.records) records.add(to_json(record));
  return session.output.result(Json::object().set("records", records), text_of(batch));
}

}  // namespace

Command audit_tail_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "tail";
  command.summary = "Show the last records, and with --follow those to come";
  command.paragraphs = {
      "Oldest first. With --follow and --json each record is one line, as it stands in the log."};
  command.arguments = {directory(given->store, "the store"),
                       number("-n,--lines", "N", given->count, "the last N records (default 20)"),
                       flag("-f,--follow", given->follow, "go on with what the host adds")};
  command.examples = {{"keyhold audit tail /srv/store", ""},
                      {"keyhold audit tail -f /srv/store", "until Ctrl-C"}};
  command.json = {
      {"records[].seq", "its number: 1, 2, 3 without a gap"},
      {"records[].time", "the machine's clock, UTC, milliseconds"},
      {"records[].event", "wrap, unwrap, probe, seal, unseal, denial ..."},
      {"records[].outcome", "ok, or why not"},
      {"records[].request_id", "the KMS's, as in its own log"},
      {"records[]", "cause, key_uri, key_version, key_id, message ... where they apply"}};
  command.exit_statuses = {6};
  command.run = [given](Session& session) { return tail(session, *given); };
  return command;
}

}  // namespace keyhold::cli
