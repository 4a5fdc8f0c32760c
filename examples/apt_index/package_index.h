// Debian's package index (deb-control(5), as `apt-cache dumpavail` prints it) as the entries of a
// database.
#pragma once

#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace apt_index {

// By key: the record itself under package and version, and empty values under its section and each
// of its dependencies.
using Entries = std::map<std::string, std::string>;

struct PackageIndex {
  Entries entries;
  std::size_t records = 0;
  std::size_t text_bytes = 0;
};

// Records without a package or version are left out. Of two with the same, the later one counts.
PackageIndex read_package_index(std::istream& input);

std::string record_key(std::string_view package, std::string_view version);
// What the keys of a question begin with. `kind`: "package", "section" or "depends"; empty for any
// other.
std::string question_prefix(std::string_view kind, std::string_view name);
// "package version" of a key of any kind.
std::string package_and_version(std::string_view key);

// The names in a Depends field: alternatives too, without versions and architectures.
std::vector<std::string> dependency_names(std::string_view field);

}  // namespace apt_index
