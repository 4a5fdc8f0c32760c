#include "package_index.h"

#include <algorithm>

namespace apt_index {
namespace {

constexpr char kSeparator = '\0';

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view field_of(std::string_view record, std::string_view name) {
  for (std::size_t start = 0; start < record.size();) {
    const std::size_t end = std::min(record.find('\n', start), record.size());
    const std::string_view line = record.substr(start, end - start);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return trimmed(line.substr(name.size() + 1));
    }
    start = end + 1;
  }
  return {};
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : parts) {
    if (!key.empty()) key.push_back(kSeparator);
    key.append(part);
  }
  return key;
}

void add_record(const std::string& record, PackageIndex& index) {
  const std::string_view package = field_of(record, "Package");
  const std::string_view version = field_of(record, "Version");
  if (package.empty() || version.empty()) return;
  const std::string_view section = field_of(record, "Section");
  if (!section.empty()) index.entries[joined({"s", section, package, version})];
  for (const std::string& dependency : dependency_names(field_of(record, "Depends"))) {
    index.entries[joined({"d", dependency, package, version})];
  }
  const auto [place, is_new] = index.entries.insert_or_assign(record_key(package, version), record);
  if (is_new) ++index.records;
  index.text_bytes += record.size();
}

}  // namespace

PackageIndex read_package_index(std::istream& input) {
  PackageIndex index;
  std::string record;
  for (std::string line; std::getline(input, line);) {
    if (!line.empty()) {
      record += line + '\n';
      continue;
    }
    add_record(record, index);
    record.clear();
  }
  add_record(record, index);
  return index;
}

std::string record_key(std::string_view package, std::string_view version) {
  return joined({"p", package, version});
}

std::string question_prefix(std::string_view kind, std::string_view name) {
  if (kind != "package" && kind != "section" && kind != "depends") return {};
  return joined({kind.substr(0, 1), name}) + kSeparator;
}

std::string package_and_version(std::string_view key) {
  const std::size_t version = key.rfind(kSeparator);
  const std::size_t package = key.rfind(kSeparator, version - 1);
  std::string text(key.substr(package + 1));
  std::ranges::replace(text, kSeparator, ' ');
  return text;
}

std::vector<std::string> dependency_names(std::string_view field) {
  std::vector<std::string> names;
  while (!field.empty()) {
    const std::string_view one = trimmed(field.substr(0, field.find_first_of(",|")));
    const std::string_view name = one.substr(0, one.find_first_of(" (:"));
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
    field.remove_prefix(std::min(field.find_first_of(",|"), field.size() - 1) + 1);
  }
  return names;
}

}  // namespace apt_index
