// Re-encryption between the host, who decides, and the processes that work on the store's files,
// who do it and say what they have open (docs/adr/2026-11-24-reencryption.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "format/control.h"
#include "host/layout.h"
#include "store/coverage.h"

namespace keyhold::host {

// What is wanted: every file under `target` or later, at so many bytes a second (0: no limit).
struct FileWish {
  Generation target{};  // 0: nothing is wanted
  std::uint64_t bytes_per_second = 0;

  [[nodiscard]] bool none() const { return number(target) == 0; }
  friend bool operator==(const FileWish&, const FileWish&) = default;
};

// Where the wish, and the locks of store/presence.h and store/reencryptor.h, lie.
struct FileWorkPaths {
  explicit FileWorkPaths(const StoreLayout& layout);
  std::string wish, engines, reencryptor;
};

// What a process that works on the files says of itself.
struct FileReport {
  std::uint64_t process = 0;  // random, its own for as long as it has the store
  std::int64_t pid = 0;
  Generation current{};  // that its new files use; all begun under an older one have their names
  Generation clean{};    // a pass for this target found nothing to do
  std::vector<store::OpenFileNote> open;  // those of older generations
  std::string problem;                    // of the last pass, where it failed
};
format::FilesRequest to_message(const FileReport& report);
FileReport from_message(const format::FilesRequest& message);

struct FileWorkerInfo {
  std::int64_t pid = 0;
  Generation current{};
  std::uint64_t older_open_files = 0;
  std::string problem;
};

struct CoverageReport {
  StoreId store;
  Generation current{};
  Generation oldest{};                               // in the key ring
  std::map<Generation, std::uint32_t> kek_versions;  // of the key ring's generations
  FileWish wish;
  store::Coverage coverage;  // pending: what stands before `current`
  std::vector<FileWorkerInfo> workers;
};

struct ShredReport {
  std::uint32_t generations = 0;  // that are gone
  Generation oldest_kept{};
  std::uint32_t kek_version = 0;
};

// One JSON object; what the control socket carries. At most 1,000 pending files and 100 paths of
// plaintext are named; the counts cover all.
std::string to_json_text(const CoverageReport& report);
Result<CoverageReport> coverage_from_json(std::string_view text);

// Why `report` keeps older generations from being shredded, in one sentence that names some files.
std::string why_not_shredded(const CoverageReport& report);

// Keeps the wish over a restart. Nothing where none is there; Code::integrity for other content.
Result<FileWish> read_wish(io::FileSystem& files, const std::string& path);
Status write_wish(io::FileSystem& files, const std::string& path, const FileWish& wish);

}  // namespace keyhold::host
