#include "cli/run.h"

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>

#include <fcntl.h>
#include <unistd.h>

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

// What other programs have taught users to try: "keyhold help store", "keyhold --version".
// REQUIRES: there are words.
std::vector<std::string> as_meant(std::vector<std::string> words) {
  if (words.front() == "--version") words.front() = "version";
  if (words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

// A standard stream that is closed stays unusable: no file or socket gets its number, so that what
// is printed there fails instead of going into that file. O_PATH: nobody can read or write it.
void hold_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) (void)::open("/dev/null", O_PATH);
  }
}

int report_with(Output& output, const Error& error, const std::string& hint) {
  if (!output.reader_left()) output.failure(error, hint);
  return exit_status(error.code());
}

int report(Output& output, const Error& error, const std::string& command) {
  return report_with(output, error, hint_for(error.code(), command));
}

// Of several problems one is told; who tells the others.
std::string hint_for(const SettingProblem& problem, const Session& session) {
  if (problem.of_flag) return "See 'keyhold --help'.";
  const std::string& file = session.settings_file;
  return "'keyhold config check" + (file.empty() ? "" : " " + file) +
         "' lists every problem of the settings.";
}

// The exit status where the settings do not hold, which is then told.
std::optional<int> prepare(Session& session) {
  const auto resolved = load_settings(session.setting_flags, session.settings_file);
  if (!resolved) return report(session.output, resolved.error(), "keyhold config");
  if (!resolved->problems.empty()) {
    const SettingProblem& first = resolved->problems.front();
    return report_with(session.output, Error(Code::invalid_argument, first.sentence),
                       hint_for(first, session));
  }
  session.settings = resolved->settings;
  session.output.set_progress_wanted(session.settings.progress);
  const auto applied = apply_to_process(session.settings);
  if (!applied) return report(session.output, applied.error(), "keyhold config");
  for (const std::string& refused : host::harden_process()) log::debug(refused);
  return std::nullopt;
}

// A script that lost its arguments must not go on.
int refuse_silence(const Command& root, std::span<const Argument> globals) {
  std::fputs(help_text({&root}, globals, terminal_width()).c_str(), stderr);
  return exit_status(Code::invalid_argument);
}

int execute(Output& output, const std::vector<std::string>& words) {
  const Command root = root_command();
  GlobalOptions options;
  const auto globals = options.arguments();
  if (words.empty()) return refuse_silence(root, globals);
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
    if (const auto refused = prepare(session)) return *refused;
  }
  const auto status = invocation->command().run(session);
  return status ? session.exit_status : report(output, status.error(), invocation->name());
}

}  // namespace

int run(const std::vector<std::string>& words) {
  hold_closed_streams();
  if (const auto status = host::run_as_supervisor(words)) return *status;
  std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): before any thread
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGIO, SIG_IGN);  // a file whose read lease we hold is opened (open_for_writing.h)
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
