#include <algorithm>

#include <fmt/core.h>

#include "cli/settings.h"
#include "io/file_system.h"

// toml++ 3.3 asserts, and in a release build takes for granted, what some malformed files break: a
// table named "[.a]", a time that ends early (fuzz/settings_fuzz.cc). Here a broken assertion is an
// error in the file.
namespace keyhold::cli {
struct BrokenAssertion {};
[[noreturn]] static void assertion_broken() {
  throw BrokenAssertion();
}
}  // namespace keyhold::cli
#undef NDEBUG
#define TOML_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : keyhold::cli::assertion_broken())
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace keyhold::cli {
namespace {

constexpr std::size_t kMaxFileSizeBytes = 1 << 20;

Status collect(const std::string& file, const std::string& prefix, const toml::table& table,
               std::vector<FileSetting>& settings) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::uint32_t line = key.source().begin.line;
    if (const toml::table* inner = node.as_table()) {
      KEYHOLD_TRY(collect(file, name + ".", *inner, settings));
    } else if (const auto text = node.value_exact<std::string>()) {
      settings.push_back({name, *text, line});
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      settings.push_back({name, std::to_string(*number), line});
    } else if (const auto truth = node.value_exact<bool>()) {
      settings.push_back({name, *truth ? "true" : "false", line});
    } else {
      return fail(Code::invalid_argument,
                  fmt::format("{}:{}: {}: a setting is a text, a whole number or true or false",
                              file, line, name));
    }
  }
  return {};
}

// toml++ 3.3 is undefined for letters such as é where it looks for white space. No setting takes
// any, so they can stand in comments only, where a question mark does as well.
std::string only_ascii(ByteView content) {
  std::string text(as_text(content));
  if (text.starts_with("\xef\xbb\xbf")) text.replace(0, 3, "   ");  // a byte order mark
  std::ranges::replace_if(
      text, [](char c) { return (c & 0x80) != 0; }, '?');
  return text;
}

}  // namespace

Result<std::vector<FileSetting>> read_settings_file(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto content,
                     io::read_file(io::posix_file_system(), path, kMaxFileSizeBytes));
  std::vector<FileSetting> settings;
  try {
    const toml::table table = toml::parse(only_ascii(content), path);
    KEYHOLD_TRY(collect(path, "", table, settings));
  } catch (const toml::parse_error& error) {
    return fail(
        Code::invalid_argument,
        fmt::format("{}:{}: not TOML: {}", path, error.source().begin.line, error.description()));
  } catch (const BrokenAssertion&) {
    return fail(Code::invalid_argument,
                path + ": not TOML: a table's name, a date or a time in it is malformed");
  }
  return settings;
}

}  // namespace keyhold::cli
