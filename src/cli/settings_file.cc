#include <fmt/core.h>

#include "cli/settings.h"
#include "format/toml_leaves.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

constexpr std::size_t kMaxFileSizeBytes = 1 << 20;

// As text; nothing for what no setting takes.
struct ValueText {
  std::optional<std::string> operator()(const std::string& text) const { return text; }
  std::optional<std::string> operator()(std::int64_t number) const {
    return std::to_string(number);
  }
  std::optional<std::string> operator()(bool truth) const { return truth ? "true" : "false"; }
  std::optional<std::string> operator()(double) const { return std::nullopt; }
  std::optional<std::string> operator()(format::TomlOther) const { return std::nullopt; }
};

}  // namespace

Result<std::vector<FileSetting>> read_settings_file(const std::string& path) {
  const auto info = io::posix_file_system().info(path);
  if (info && info->type == io::FileInfo::Type::directory) {
    return fail(Code::invalid_argument, path + " is a folder: name the settings file in it");
  }
  KEYHOLD_TRY_ASSIGN(const auto content,
                     io::read_file(io::posix_file_system(), path, kMaxFileSizeBytes));
  KEYHOLD_TRY_ASSIGN(const auto leaves, format::parse_toml(content, path));
  std::vector<FileSetting> settings;
  for (const format::TomlLeaf& leaf : leaves) {
    const auto text = std::visit(ValueText{}, leaf.value);
    if (!text) {
      return fail(Code::invalid_argument,
                  fmt::format("{}:{}: {}: a setting is a text, a whole number or true or false",
                              path, leaf.line, leaf.name));
    }
    settings.push_back({leaf.name, *text, leaf.line});
  }
  return settings;
}

}  // namespace keyhold::cli
