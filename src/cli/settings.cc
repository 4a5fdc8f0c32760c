#include "cli/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <thread>

#include <fmt/core.h>

#include "base/environment.h"
#include "base/suggest.h"
#include "cli/units.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

constexpr std::uint32_t kMaxJobs = 256;

Status apply_jobs(Settings& settings, const std::string& value) {
  if (value == "auto") {
    settings.jobs = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxJobs);
    return {};
  }
  std::uint32_t jobs = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), jobs);
  if (error != std::errc() || end != value.data() + value.size() || jobs < 1 || jobs > kMaxJobs) {
    return fail(Code::invalid_argument,
                fmt::format("\"{}\" is neither auto nor a number from 1 to {}", value, kMaxJobs));
  }
  settings.jobs = jobs;
  return {};
}

Status apply_kms_deadline(Settings& settings, const std::string& value) {
  KEYHOLD_TRY_ASSIGN(settings.kms_deadline, parse_duration(value));
  if (settings.kms_deadline.count() > 0) return {};
  return fail(Code::invalid_argument, "a deadline of 0 leaves the KMS no time to answer");
}

Status apply_kms_wait(Settings& settings, const std::string& value) {
  if (value == "forever") {
    settings.kms_wait = kWaitForever;
    return {};
  }
  KEYHOLD_TRY_ASSIGN(settings.kms_wait, parse_duration(value));
  return {};
}

// As the plugin reads KEYHOLD_KMS_WAIT: a bare number counts seconds.
std::string with_seconds(const std::string& value) {
  const bool bare = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  return bare && value != "0" ? value + "s" : value;
}

const std::vector<SettingRow> kRows = {
    {"log.level",
     "KEYHOLD_LOG",
     "--log-level",
     "LEVEL",
     "warning",
     "report events from this level on",
     {"debug", "info", "warning", "error"},
     [](Settings& settings, const std::string& value) -> Status {
       settings.log_level = value;
       return {};
     }},
    {"crypto.aead",
     "KEYHOLD_AEAD",
     "--aead",
     "BACKEND",
     "auto",
     "encrypt with this library; auto takes the faster",
     {"auto", "openssl", "ipsec-mb"},
     [](Settings& settings, const std::string& value) -> Status {
       settings.aead = value;
       return {};
     }},
    {"kms.deadline",
     "KEYHOLD_KMS_DEADLINE",
     "--kms-deadline",
     "DURATION",
     "10s",
     "give the KMS this long for one answer",
     {},
     apply_kms_deadline},
    {"kms.wait",
     "KEYHOLD_KMS_WAIT",
     "--kms-wait",
     "DURATION",
     "0",
     "keep trying this long while the KMS does not answer, or forever",
     {},
     apply_kms_wait,
     with_seconds},
    {"run.jobs",
     "KEYHOLD_JOBS",
     "--jobs",
     "N",
     "auto",
     "work on this many files at a time; auto: one per CPU",
     {},
     apply_jobs},
    {"output.progress",
     "KEYHOLD_PROGRESS",
     "--progress",
     "WHEN",
     "auto",
     "draw progress bars; auto: on a terminal",
     {"auto", "never"},
     [](Settings& settings, const std::string& value) -> Status {
       settings.progress = value == "auto";
       return {};
     }},
};

const SettingRow* find_row(const std::string& name) {
  for (const SettingRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string unknown_setting(const std::string& name) {
  std::vector<std::string> names;
  for (const SettingRow& row : kRows) names.push_back(row.name);
  return fmt::format("unknown setting {}{}", name, suggestion(name, names));
}

ResolvedSetting choose(const SettingRow& row, const SettingSources& sources) {
  if (const auto flag = sources.flags.find(row.name); flag != sources.flags.end()) {
    return {&row, flag->second, "flag " + row.flag};
  }
  if (auto value = sources.environment(row.environment)) {
    if (row.read_environment != nullptr) value = row.read_environment(*value);
    return {&row, std::move(*value), "environment " + row.environment};
  }
  for (const FileSetting& setting : sources.file_settings) {
    if (setting.name != row.name) continue;
    return {&row, setting.value, fmt::format("{}:{}", sources.file, setting.line), setting.line};
  }
  return {&row, row.default_value, "default"};
}

Status apply(const ResolvedSetting& chosen, Settings& settings) {
  const auto& choices = chosen.row->choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), chosen.value) != choices.end()) {
    return chosen.row->apply(settings, chosen.value);
  }
  std::string allowed;
  for (const std::string& choice : choices) allowed += (allowed.empty() ? "" : ", ") + choice;
  return fail(Code::invalid_argument, fmt::format("\"{}\" is none of {}{}", chosen.value, allowed,
                                                  suggestion(chosen.value, choices)));
}

}  // namespace

const std::vector<SettingRow>& setting_rows() {
  return kRows;
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): before threads
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::string> settings_file(const Environment& environment) {
  if (auto named = environment("KEYHOLD_CONFIG")) return named;
  std::vector<std::string> candidates;
  if (const auto config = environment("XDG_CONFIG_HOME"); config && config->starts_with('/')) {
    candidates.push_back(*config + "/keyhold/keyhold.toml");
  } else if (const auto home = environment("HOME"); home && home->starts_with('/')) {
    candidates.push_back(*home + "/.config/keyhold/keyhold.toml");
  }
  candidates.emplace_back("/etc/keyhold/keyhold.toml");
  for (const std::string& candidate : candidates) {
    if (io::exists(io::posix_file_system(), candidate).value_or(false)) return candidate;
  }
  return std::nullopt;
}

ResolvedSettings resolve_settings(const SettingSources& sources) {
  ResolvedSettings resolved;
  resolved.file = sources.file;
  for (const FileSetting& setting : sources.file_settings) {
    if (find_row(setting.name) != nullptr) continue;
    resolved.problems.push_back(
        {fmt::format("{}:{}: {}", sources.file, setting.line, unknown_setting(setting.name)),
         setting.line});
  }
  for (const SettingRow& row : kRows) {
    resolved.values.push_back(choose(row, sources));
    const ResolvedSetting& chosen = resolved.values.back();
    if (const auto status = apply(chosen, resolved.settings); !status) {
      resolved.problems.push_back(
          {fmt::format("{}: {}: {}", chosen.source, row.name, status.error().message()),
           chosen.line, sources.flags.contains(row.name)});
    }
  }
  // Line 0, what is not of the file, comes last: one less than 0 is the greatest number.
  std::ranges::stable_sort(resolved.problems, {},
                           [](const SettingProblem& problem) { return problem.line - 1; });
  return resolved;
}

std::vector<Argument> setting_flags(std::map<std::string, std::string>& flags) {
  std::vector<Argument> arguments;
  for (const SettingRow& row : kRows) {
    Argument argument;
    argument.name = row.flag;
    argument.value = row.value;
    argument.help = row.help;
    argument.choices = row.choices;
    argument.accept = [&flags, name = row.name](const std::string& value) -> Status {
      flags[name] = value;
      return {};
    };
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

Result<ResolvedSettings> load_settings(std::map<std::string, std::string> flags,
                                       const std::string& named_file) {
  SettingSources sources;
  sources.flags = std::move(flags);
  sources.environment = process_environment;
  sources.file = named_file;
  if (named_file.empty()) sources.file = settings_file(process_environment).value_or("");
  if (!sources.file.empty()) {
    auto settings = read_settings_file(sources.file);
    if (!settings) {
      const bool of_environment = named_file.empty() && process_environment("KEYHOLD_CONFIG");
      return fail(of_environment ? settings.error().within("environment KEYHOLD_CONFIG")
                                 : settings.error());
    }
    sources.file_settings = *std::move(settings);
  }
  ResolvedSettings resolved = resolve_settings(sources);
  if (const Status known = check_environment(); !known) {
    resolved.problems.insert(resolved.problems.begin(), {.sentence = known.error().message()});
  }
  return resolved;
}

}  // namespace keyhold::cli
