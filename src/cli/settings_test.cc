#include "cli/settings.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(resolved.problems.front(),
            "keyhold.toml:7: unknown setting log.levle; did you mean log.level?");
}

TEST(Settings, EveryBadValueIsAProblemOfItsOwn) {
  auto given = sources();
  given.file_settings = {{"run.jobs", "0", 1}, {"log.level", "loud", 2}, {"kms.deadline", "0", 3}};
  EXPECT_EQ(resolve_settings(given).problems.size(), 3U);
}

TEST(Settings, KmsWaitTakesForeverAndBareSeconds) {
  auto given = sources();
  given.flags["kms.wait"] = "forever";
  EXPECT_EQ(resolve_settings(given).settings.kms_wait, kWaitForever);
  given.flags["kms.wait"] = "90";
  EXPECT_EQ(resolve_settings(given).settings.kms_wait, 90s);
}

TEST(SettingsFile, FirstOfNamedUsersAndMachines) {
  const auto named = [](const std::string& name) -> std::optional<std::string> {
    return name == "KEYHOLD_CONFIG" ? std::optional<std::string>("/nowhere/k.toml") : std::nullopt;
  };
  EXPECT_EQ(settings_file(named), "/nowhere/k.toml");
}

}  // namespace
}  // namespace keyhold::cli
