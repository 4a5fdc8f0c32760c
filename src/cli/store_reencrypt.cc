#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/core.h>

#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/store_coverage.h"
#include "cli/store_paths.h"
#include "cli/units.h"
#include "host/file_work.h"
#include "store/pacer.h"
#include "store/presence.h"
#include "store/reencryptor.h"

namespace keyhold::cli {
namespace {

using host::CoverageReport;
using store::PendingFile;

struct Arguments {
  std::string store;
  bool rotate = false;
  bool no_wait = false;
  std::uint64_t rate = 0;
};

// "50MiB/s"; the "/s" may be left out.
Argument rate(std::string name, std::uint64_t& target, std::string help) {
  Argument argument;
  argument.name = std::move(name);
  argument.value = "RATE";
  argument.help = std::move(help);
  argument.accept = [&target](const std::string& given) -> Status {
    const std::string size = given.ends_with("/s") ? given.substr(0, given.size() - 2) : given;
    KEYHOLD_TRY_ASSIGN(target, parse_bytes(size));
    return {};
  };
  return argument;
}

bool only_written(const CoverageReport& report) {
  return std::ranges::all_of(report.coverage.pending, [](const PendingFile& file) {
    return file.why == PendingFile::Why::written;
  });
}

bool someone_can_go_on(const CoverageReport& report) {
  return std::ranges::any_of(report.coverage.pending, [](const PendingFile& file) {
    return file.why == PendingFile::Why::not_yet || file.why == PendingFile::Why::deleted;
  });
}

// This process does it, file by file, where no other has files of the store open.
Status work(const OpenStore& opened, const Arguments& given, Generation target,
            Progress& progress) {
  const host::FileWorkPaths paths{host::StoreLayout(given.store)};
  const auto watch = store::Presence::watch(io::posix_file_system(), paths.engines);
  store::Pacer pacer(system_clock());
  pacer.set_rate(given.rate);
  store::ReencryptOptions options;
  options.pace = [&](std::uint64_t bytes) { return pacer.wait(bytes); };
  options.others = watch.get();
  options.lock_path = paths.reencryptor;
  options.progress = [&](std::uint64_t bytes) { progress.add(bytes); };
  for (;;) {
    KEYHOLD_TRY_ASSIGN(const auto report, store::reencrypt(*opened.files, target, options));
    if (report.gone == 0) return {};
  }
}

// Others do it: looks now and then until nothing is left that they can do.
Result<CoverageReport> watch(host::StoreKeys& keys, CoverageReport report, Progress& progress) {
  auto left = report.coverage.older_than(report.current).bytes;
  bool done_before = false;
  for (;;) {
    const bool done = !someone_can_go_on(report);
    // Once more: a worker may just be looking at the last of them.
    if (done && done_before) return report;
    done_before = done;
    const BootTime begin = system_clock().boot_now();
    KEYHOLD_TRY_ASSIGN(report, keys.coverage());
    const auto now_left = report.coverage.older_than(report.current).bytes;
    if (now_left < left) progress.add(left - now_left);
    left = std::min(left, now_left);
    const BootClock::duration took = system_clock().boot_now() - begin;
    const auto pause = std::max<BootClock::duration>(std::chrono::milliseconds(500), took * 10);
    std::this_thread::sleep_for(pause);  // bounded poll of another process
  }
}

Result<CoverageReport> wait_for_it(Session& session, const OpenStore& opened,
                                   const Arguments& given, Generation target) {
  KEYHOLD_TRY_ASSIGN(CoverageReport report, opened.keys->coverage());
  const auto progress =
      session.output.progress("re-encrypting", report.coverage.older_than(target).bytes);
  const bool nobody_else = opened.keys->role() == host::Role::host || report.workers.empty();
  if (!nobody_else) return watch(*opened.keys, std::move(report), *progress);
  KEYHOLD_TRY(work(opened, given, target, *progress));
  return opened.keys->coverage();
}

Status show_outcome(Session& session, const Arguments& given, Generation target,
                    const CoverageReport& report) {
  const auto older = report.coverage.older_than(report.current);
  std::string text =
      fmt::format("every file stands under DEK generation {} or later\n", number(target));
  if (older.files > 0) text = pending_text(report, given.store);
  KEYHOLD_TRY(session.output.document(host::to_json_text(report), text));
  if (older.files == 0 || only_written(report)) return {};
  const bool damaged = report.coverage.unreadable.files > 0;
  return fail(damaged ? Code::integrity : Code::busy, host::why_not_shredded(report));
}

Status reencrypt(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const OpenStore opened, open_store(session, given.store));
  KEYHOLD_TRY_ASSIGN(const Generation target, opened.keys->reencrypt(given.rotate, given.rate));
  if (given.no_wait) {
    return session.output.result(
        Json::object().set("target", number(target)),
        fmt::format("the store's engine or agent brings every file under DEK generation {}, now or "
                    "when it is started\n",
                    number(target)));
  }
  KEYHOLD_TRY_ASSIGN(const CoverageReport report, wait_for_it(session, opened, given, target));
  return show_outcome(session, given, target, report);
}

}  // namespace

Command store_reencrypt_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "reencrypt";
  command.summary = "Write every file again under the current DEK generation";
  command.paragraphs = {
      "A running engine does it by itself, while it reads and writes, and goes on after a restart "
      "or "
      "an unseal; without one, this command does it. Ended early, it goes on where it was. Waits "
      "until every file is done; a file that an engine is writing follows when the engine closes "
      "it, and is named. RocksDB closes a WAL at a flush, MANIFEST and LOG when the database is "
      "opened again (or at max_manifest_file_size, log_file_time_to_roll).",
      "Afterwards 'keyhold store shred' can take the old generations away for good."};
  command.arguments = {directory(given->store, "the store"),
                       flag("--rotate", given->rotate, "make a new DEK generation first"),
                       rate("--rate", given->rate, "at most so much a second (default: no limit)"),
                       flag("--no-wait", given->no_wait, "order it, and let the engine do it")};
  command.examples = {{"keyhold store reencrypt /srv/store --rotate --rate 50MiB/s", ""}};
  command.json = {{"older.files, older.bytes", "what still needs an older generation"},
                  {"pending[]", "path, generation, bytes, why, problem"},
                  {"...", "as 'keyhold store coverage --json'"},
                  {"target", "the generation (with --no-wait, alone)"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) { return reencrypt(session, *given); };
  return command;
}

}  // namespace keyhold::cli
