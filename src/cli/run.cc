#include "cli/run.h"

#include <algorithm>
#include <clocale>
#include <csignal>
#include <exception>

#include "base/log.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/global_options.h"
#include "cli/help.h"
#include "cli/hints.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "host/harden.h"
#include "host/supervisor_process.h"

namespace keyhold::cli {
namespace {

// Known before the words are understood, so that a usage error comes in the form that was asked
// for.
bool wants_json(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, "--json") != end;
}

// What other programs have taught users to try: "keyhold", "keyhold help store", "keyhold
// --version".
std::vector<std::string> as_meant(std::vector<std::string> words) {
  if (words.empty()) return {"--help"};
  if (words.front() == "--version") words.front() = "version";
  if (words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

Status prepare(Session& session) {
  KEYHOLD_TRY_ASSIGN(const auto resolved,
                     load_settings(session.setting_flags, session.settings_file));
  if (!resolved.problems.empty()) return fail(Code::invalid_argument, resolved.problems.front());
  session.settings = resolved.settings;
  session.output.set_progress_wanted(session.settings.progress);
  KEYHOLD_TRY(apply_to_process(session.settings));
  for (const std::string& refused : host::harden_process()) log::debug(refused);
  return {};
}

int report(Output& output, const Error& error, const std::string& command) {
  if (!output.reader_left()) output.failure(error, hint_for(error.code(), command));
  return exit_status(error.code());
}

int execute(Output& output, const std::vector<std::string>& words) {
  const Command root = root_command();
  GlobalOptions options;
  const auto globals = options.arguments();
  const auto invocation = parse_command_line(root, globals, as_meant(words));
  if (!invocation) {
    const Invocation understood{invocation.error().path};
    return report(output, invocation.error().error, understood.name());
  }
  if (invocation->help) {
    const auto status = output.raw(help_text(invocation->path, globals, terminal_width()));
    return status ? 0 : report(output, status.error(), invocation->name());
  }
  Session session{output, root, options.setting_flags, options.settings_file, {}, 0};
  if (!invocation->command().plain) {
    const auto prepared = prepare(session);
    if (!prepared) return report(output, prepared.error(), "keyhold config check");
  }
  const auto status = invocation->command().run(session);
  return status ? session.exit_status
                : report(output, status.error(), invocation->name());
}

}  // namespace

int run(const std::vector<std::string>& words) {
  if (const auto status = host::run_as_supervisor(words)) return *status;
  std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): before any thread
  std::signal(SIGPIPE, SIG_IGN);
  Output output(wants_json(words));
  log::set_sink(
      [&output](log::Level level, std::string_view message) { output.event(level, message); });
  int status = exit_status(Code::internal);
  try {
    status = execute(output, words);
  } catch (const std::exception& exception) {
    output.failure(Error(Code::internal, exception.what()), hint_for(Code::internal, "keyhold"));
  }
  log::set_sink({});
  return status;
}

}  // namespace keyhold::cli
