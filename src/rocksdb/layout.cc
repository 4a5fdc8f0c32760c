#include "rocksdb/layout.h"

#include <algorithm>
#include <array>

namespace keyhold::rocks {
namespace {

// BackupEngine writes ".000012_s…_123.sst.tmp"; the delete scheduler renames to ".sst.trash".
constexpr std::array<std::string_view, 2> kPassing = {".tmp", ".trash"};
constexpr std::array<std::string_view, 3> kTables = {".sst", ".ldb", ".blob"};
// The former, stacked BlobDB goes on appending to a blob file after it has synced it; its files lie
// in a folder of this name.
constexpr std::string_view kStackedBlobFolder = "/blob_dir/";

bool ends_with_any(std::string_view name, const auto& suffixes) {
  return std::ranges::any_of(suffixes, [&](std::string_view suffix) {
    return name.size() > suffix.size() && name.ends_with(suffix);
  });
}

}  // namespace

store::Layout layout_of(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (ends_with_any(name, kPassing)) name.remove_suffix(name.size() - name.rfind('.'));
  if (!ends_with_any(name, kTables)) return store::Layout::log;
  if (path.find(kStackedBlobFolder) != std::string_view::npos) return store::Layout::log;
  return store::Layout::table;
}

}  // namespace keyhold::rocks
