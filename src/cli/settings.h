// Process settings: flag > environment > file > default. One table (settings.cc) holds them all.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"

namespace keyhold::cli {

inline constexpr auto kWaitForever = std::chrono::milliseconds::max();

struct Settings {
  std::string log_level;
  std::string aead;
  std::chrono::milliseconds kms_deadline{};
  std::chrono::milliseconds kms_wait{};
  std::uint32_t jobs = 0;  // never 0 once resolved
  bool progress = true;
};

struct SettingRow {
  std::string name;         // in keyhold.toml, with its table: "kms.deadline"
  std::string environment;  // "KEYHOLD_KMS_DEADLINE"
  std::string flag;         // "--kms-deadline"
  std::string value;        // what stands for the value in the help
  std::string default_value;
  std::string help;
  std::vector<std::string> choices;
  Status (*apply)(Settings& settings, const std::string& value);
  // What the variable's value means where that is not what the others' would; may be null.
  std::string (*read_environment)(const std::string& value) = nullptr;
};

const std::vector<SettingRow>& setting_rows();

// One line of keyhold.toml: a leaf with its full name and its value as text.
struct FileSetting {
  std::string name;
  std::string value;
  std::uint32_t line;
};

// Code::not_found without the file; Code::invalid_argument where it is a folder and, with file and
// line, where it is not TOML.
Result<std::vector<FileSetting>> read_settings_file(const std::string& path);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> process_environment(const std::string& name);

// The file that holds where none is named: KEYHOLD_CONFIG, the user's
// (~/.config/keyhold/keyhold.toml), the machine's (/etc/keyhold/keyhold.toml); the first that
// exists, or nothing. A named one need not exist.
std::optional<std::string> settings_file(const Environment& environment);

struct SettingSources {
  std::map<std::string, std::string> flags;  // by setting name
  Environment environment;
  std::string file;  // for messages
  std::vector<FileSetting> file_settings;
};

struct ResolvedSetting {
  const SettingRow* row;
  std::string value;
  std::string source;      // "flag --jobs", "environment KEYHOLD_JOBS", "/etc/…:7", "default"
  std::uint32_t line = 0;  // of the file, where it comes from there
};

struct SettingProblem {
  std::string sentence;
  std::uint32_t line = 0;  // of the file; 0: of the environment or a flag
  bool of_flag = false;
};

struct ResolvedSettings {
  Settings settings;
  std::string file;                      // that was read; empty: none
  std::vector<ResolvedSetting> values;   // in the table's order
  std::vector<SettingProblem> problems;  // the file's by line first; empty: `settings` is good
};

ResolvedSettings resolve_settings(const SettingSources& sources);

// The flags of all settings; each stores its value in `flags` under the setting's name.
std::vector<Argument> setting_flags(std::map<std::string, std::string>& flags);

// resolve_settings with the file that `named_file` or settings_file() says. Fails only where that
// file cannot be read; the message says so where KEYHOLD_CONFIG named it.
Result<ResolvedSettings> load_settings(std::map<std::string, std::string> flags,
                                       const std::string& named_file);

// Log level, AEAD back end: what holds for the whole process.
Status apply_to_process(const Settings& settings);

}  // namespace keyhold::cli
