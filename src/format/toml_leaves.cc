#include "format/toml_leaves.h"

#include <algorithm>

// toml++ 3.3 asserts, and in a release build takes for granted, what some malformed files break: a
// table named "[.a]", a time that ends early (fuzz/settings_fuzz.cc). Here a broken assertion is an
// error in the file.
namespace keyhold::format {
struct BrokenAssertion {};
[[noreturn]] static void assertion_broken() {
  throw BrokenAssertion();
}
}  // namespace keyhold::format
#undef NDEBUG
#define TOML_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : keyhold::format::assertion_broken())
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace keyhold::format {
namespace {

TomlLeaf leaf_of(std::string name, std::uint32_t line, const toml::node& node) {
  TomlLeaf leaf{.name = std::move(name), .line = line, .value = TomlOther{}};
  if (const auto text = node.value_exact<std::string>()) leaf.value = *text;
  if (const auto whole = node.value_exact<std::int64_t>()) leaf.value = *whole;
  if (const auto number = node.value_exact<double>()) leaf.value = *number;
  if (const auto truth = node.value_exact<bool>()) leaf.value = *truth;
  return leaf;
}

// toml++ bounds the depth.
void collect(const std::string& prefix, const toml::table& table, std::vector<TomlLeaf>& leaves) {
  for (const auto& [key, node] : table) {
    std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      collect(name + ".", *inner, leaves);
    } else {
      leaves.push_back(leaf_of(std::move(name), key.source().begin.line, node));
    }
  }
}

// toml++ 3.3 is undefined for letters such as é where it looks for white space. Nothing of ours
// takes any, so they can stand in comments only, where a question mark does as well.
std::string only_ascii(ByteView content) {
  std::string text(as_text(content));
  if (text.starts_with("\xef\xbb\xbf")) text.replace(0, 3, "   ");  // a byte order mark
  std::ranges::replace_if(
      text, [](char c) { return (c & 0x80) != 0; }, '?');
  return text;
}

}  // namespace

Result<std::vector<TomlLeaf>> parse_toml(ByteView text, std::string_view file) {
  std::vector<TomlLeaf> leaves;
  try {
    collect("", toml::parse(only_ascii(text)), leaves);
  } catch (const toml::parse_error& error) {
    return fail(Code::invalid_argument, std::string(file) + ":" +
                                            std::to_string(error.source().begin.line) +
                                            ": not TOML: " + std::string(error.description()));
  } catch (const BrokenAssertion&) {
    return fail(
        Code::invalid_argument,
        std::string(file) + ": not TOML: a table's name, a date or a time in it is malformed");
  }
  std::ranges::stable_sort(leaves, {}, &TomlLeaf::line);
  return leaves;
}

}  // namespace keyhold::format
