#include "cli/settings.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/environment.h"

namespace keyhold::cli {
namespace {

using std::chrono_literals::operator""s;

SettingSources sources() {
  SettingSources made;
  made.environment = [](const std::string&) { return std::nullopt; };
  made.file = "keyhold.toml";
  return made;
}

std::string source_of(const ResolvedSettings& resolved, const std::string& name) {
  for (const auto& value : resolved.values) {
    if (value.row->name == name) return value.source;
  }
  return "no such setting";
}

TEST(Settings, EveryDefaultIsValid) {
  const auto resolved = resolve_settings(sources());
  EXPECT_TRUE(resolved.problems.empty());
  EXPECT_EQ(resolved.values.size(), setting_rows().size());
  EXPECT_GE(resolved.settings.jobs, 1U);
  EXPECT_EQ(resolved.settings.kms_deadline, 10s);
}

TEST(Settings, EveryVariableIsOnTheListOfKnownOnes) {
  for (const SettingRow& row : setting_rows()) {
    EXPECT_TRUE(is_known_variable(row.environment)) << row.environment;
  }
}

TEST(Settings, FlagBeforeEnvironmentBeforeFile) {
  auto given = sources();
  given.file_settings = {{"run.jobs", "2", 3}};
  EXPECT_EQ(resolve_settings(given).settings.jobs, 2U);
  EXPECT_EQ(source_of(resolve_settings(given), "run.jobs"), "keyhold.toml:3");
  given.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "KEYHOLD_JOBS" ? std::optional<std::string>("3") : std::nullopt;
  };
  EXPECT_EQ(resolve_settings(given).settings.jobs, 3U);
  given.flags["run.jobs"] = "4";
  EXPECT_EQ(resolve_settings(given).settings.jobs, 4U);
  EXPECT_EQ(source_of(resolve_settings(given), "run.jobs"), "flag --jobs");
}

TEST(Settings, UnknownOneIsAProblemWithTheNearestName) {
  auto given = sources();
  given.file_settings = {{"log.levle", "info", 7}};
  const auto resolved = resolve_settings(given);
  ASSERT_EQ(resolved.problems.size(), 1U);
  EXPECT_EQ(resolved.problems.front().sentence,
            "keyhold.toml:7: unknown setting log.levle; did you mean log.level?");
}

TEST(Settings, EveryBadValueIsAProblemOfItsOwn) {
  auto given = sources();
  given.file_settings = {{"run.jobs", "0", 1}, {"log.level", "loud", 2}, {"kms.deadline", "0", 3}};
  EXPECT_EQ(resolve_settings(given).problems.size(), 3U);
}

TEST(Settings, ProblemsComeByLineAndThoseOfFlagsLast) {
  auto given = sources();
  given.file_settings = {{"run.jobs", "0", 1}, {"log.levle", "info", 2}, {"kms.deadline", "3", 3}};
  given.flags["output.progress"] = "often";
  const auto problems = resolve_settings(given).problems;
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(problems[0].line, 1U);
  EXPECT_EQ(problems[1].line, 2U);
  EXPECT_EQ(problems[2].line, 3U);
  EXPECT_TRUE(problems[3].of_flag);
  EXPECT_FALSE(problems[0].of_flag);
}

TEST(Settings, KmsWaitTakesForever) {
  auto given = sources();
  given.flags["kms.wait"] = "forever";
  EXPECT_EQ(resolve_settings(given).settings.kms_wait, kWaitForever);
}

// In the environment a bare number counts seconds, as the plugin reads it there.
TEST(Settings, DurationWithoutAUnitIsAProblemButInTheEnvironment) {
  auto given = sources();
  given.file_settings = {{"kms.wait", "90", 1}, {"kms.deadline", "90", 2}};
  EXPECT_EQ(resolve_settings(given).problems.size(), 2U);
  given.file_settings = {};
  given.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "KEYHOLD_KMS_WAIT" ? std::optional<std::string>("90") : std::nullopt;
  };
  EXPECT_EQ(resolve_settings(given).settings.kms_wait, 90s);
}

TEST(SettingsFile, FirstOfNamedUsersAndMachines) {
  const auto named = [](const std::string& name) -> std::optional<std::string> {
    return name == "KEYHOLD_CONFIG" ? std::optional<std::string>("/nowhere/k.toml") : std::nullopt;
  };
  EXPECT_EQ(settings_file(named), "/nowhere/k.toml");
}

Result<std::vector<FileSetting>> read_text(const std::string& text) {
  std::string path = testing::TempDir() + "/keyhold-settings-XXXXXX";
  const int descriptor = ::mkstemp(path.data());
  EXPECT_GE(descriptor, 0);
  ::close(descriptor);
  std::ofstream(path) << text;
  auto settings = read_settings_file(path);
  ::unlink(path.c_str());
  return settings;
}

TEST(SettingsFile, WhatTheParserTakesForGrantedIsAnErrorInTheFile) {
  for (const std::string text :
       {"[.a]", "  [ .a]", "[[.a]]", "[\xc3\xa9]", "[=]", "[\x7f]", "[\n", "\xef\xbb\xbf[.a]",
        "a = 1979-05-27T07:\n", "a = 1979-05-27T07\xc9\xbc"}) {
    const auto settings = read_text(text);
    ASSERT_FALSE(settings) << text;
    EXPECT_EQ(settings.error().code(), Code::invalid_argument);
    EXPECT_NE(settings.error().message().find("not TOML"), std::string::npos);
  }
}

TEST(SettingsFile, TablesAreRead) {
  const auto settings = read_text(
      "\xef\xbb\xbf# d\xc3\xa9j\xc3\xa0 vu\n[log]\r\nlevel = \"debug\"\n [\"kms\"]\ndeadline = "
      "'2s' # [.x]\n");
  ASSERT_TRUE(settings) << settings.error().message();
  ASSERT_EQ(settings->size(), 2U);
  EXPECT_EQ((*settings)[0].name, "log.level");
  EXPECT_EQ((*settings)[1].name, "kms.deadline");
}

}  // namespace
}  // namespace keyhold::cli
