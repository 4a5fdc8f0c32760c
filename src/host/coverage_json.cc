#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "host/file_work.h"

namespace keyhold::host {
namespace {

using nlohmann::json;
using store::FileCount;
using store::PendingFile;

constexpr std::size_t kMaxPending = 1000;
constexpr std::size_t kMaxPendingTextBytes = std::size_t{512} << 10;
constexpr std::size_t kMaxPlaintextPaths = 100;
constexpr std::array kReasons = {PendingFile::Why::not_yet, PendingFile::Why::written,
                                 PendingFile::Why::deleted, PendingFile::Why::unreadable};

json count_json(const FileCount& count) {
  return {{"files", count.files}, {"bytes", count.bytes}};
}

FileCount count_from(const json& in) {
  return {.files = in.at("files").get<std::uint64_t>(),
          .bytes = in.at("bytes").get<std::uint64_t>()};
}

json generations_json(const CoverageReport& report) {
  json out = json::array();
  auto all = report.coverage.generations;
  for (const auto& [generation, version] : report.kek_versions) all.try_emplace(generation);
  for (const auto& [generation, count] : all) {
    const auto version = report.kek_versions.find(generation);
    out.push_back({{"generation", number(generation)},
                   {"kek_version",
                    version == report.kek_versions.end() ? json(nullptr) : json(version->second)},
                   {"named", count_json(count.named)},
                   {"deleted_but_open", count_json(count.unnamed)}});
  }
  return out;
}

json pending_json(const std::vector<PendingFile>& pending) {
  json out = json::array();
  std::size_t text_bytes = 0;
  for (const PendingFile& file : pending) {
    text_bytes += file.path.size() + file.problem.size();
    if (out.size() == kMaxPending || text_bytes > kMaxPendingTextBytes) break;
    out.push_back({{"path", file.path},
                   {"generation", number(file.generation)},
                   {"bytes", file.bytes},
                   {"why", store::pending_name(file.why)},
                   {"problem", file.problem}});
  }
  return out;
}

PendingFile pending_from(const json& in) {
  const auto name = in.at("why").get<std::string>();
  const auto* const why = std::ranges::find(kReasons, name, &store::pending_name);
  return {.path = in.at("path").get<std::string>(),
          .generation = Generation{in.at("generation").get<std::uint32_t>()},
          .bytes = in.at("bytes").get<std::uint64_t>(),
          .why = why == kReasons.end() ? PendingFile::Why::not_yet : *why,
          .problem = in.at("problem").get<std::string>()};
}

json workers_json(const std::vector<FileWorkerInfo>& workers) {
  json out = json::array();
  for (const FileWorkerInfo& worker : workers) {
    out.push_back({{"pid", worker.pid},
                   {"generation", number(worker.current)},
                   {"older_open_files", worker.older_open_files},
                   {"problem", worker.problem}});
  }
  return out;
}

StoreId store_from(const std::string& hex) {
  const auto bytes = from_hex(hex);
  std::array<std::uint8_t, StoreId::kSizeBytes> id{};
  if (bytes && bytes->size() == id.size()) copy_bytes(*bytes, id);
  return StoreId(id);
}

void read_generations(const json& in, CoverageReport& report) {
  for (const json& entry : in) {
    const Generation generation{entry.at("generation").get<std::uint32_t>()};
    if (!entry.at("kek_version").is_null()) {
      report.kek_versions[generation] = entry.at("kek_version").get<std::uint32_t>();
    }
    report.coverage.generations[generation] = {.named = count_from(entry.at("named")),
                                               .unnamed = count_from(entry.at("deleted_but_open"))};
  }
}

CoverageReport report_from(const json& in) {
  CoverageReport report;
  report.store = store_from(in.at("store").get<std::string>());
  report.current = Generation{in.at("current_generation").get<std::uint32_t>()};
  report.oldest = Generation{in.at("oldest_generation").get<std::uint32_t>()};
  read_generations(in.at("generations"), report);
  if (const json& wish = in.at("wish"); !wish.is_null()) {
    report.wish = {.target = Generation{wish.at("target").get<std::uint32_t>()},
                   .bytes_per_second = wish.at("bytes_per_second").get<std::uint64_t>()};
  }
  report.coverage.plaintext = count_from(in.at("plaintext"));
  report.coverage.unreadable = count_from(in.at("unreadable"));
  report.coverage.plaintext_paths = in.at("plaintext").at("paths").get<std::vector<std::string>>();
  for (const json& file : in.at("pending")) {
    report.coverage.pending.push_back(pending_from(file));
  }
  for (const json& worker : in.at("workers")) {
    report.workers.push_back(
        {.pid = worker.at("pid").get<std::int64_t>(),
         .current = Generation{worker.at("generation").get<std::uint32_t>()},
         .older_open_files = worker.at("older_open_files").get<std::uint64_t>(),
         .problem = worker.at("problem").get<std::string>()});
  }
  return report;
}

}  // namespace

std::string to_json_text(const CoverageReport& report) {
  const store::Coverage& coverage = report.coverage;
  json plaintext = count_json(coverage.plaintext);
  const auto named = std::min(coverage.plaintext_paths.size(), kMaxPlaintextPaths);
  plaintext["paths"] = std::vector<std::string>(
      coverage.plaintext_paths.begin(),
      coverage.plaintext_paths.begin() + static_cast<std::ptrdiff_t>(named));
  json wish = nullptr;
  if (!report.wish.none()) {
    wish = {{"target", number(report.wish.target)},
            {"bytes_per_second", report.wish.bytes_per_second}};
  }
  const json out = {{"store", report.store.hex()},
                    {"current_generation", number(report.current)},
                    {"oldest_generation", number(report.oldest)},
                    {"generations", generations_json(report)},
                    {"plaintext", plaintext},
                    {"unreadable", count_json(coverage.unreadable)},
                    {"older", count_json(coverage.older_than(report.current))},
                    {"pending", pending_json(coverage.pending)},
                    {"wish", wish},
                    {"workers", workers_json(report.workers)}};
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

Result<CoverageReport> coverage_from_json(std::string_view text) {
  const json in = json::parse(text, nullptr, false);
  try {
    return report_from(in);
  } catch (const json::exception& error) {
    return fail(Code::integrity,
                std::string("the host's coverage is not readable: ") + error.what());
  }
}

}  // namespace keyhold::host
