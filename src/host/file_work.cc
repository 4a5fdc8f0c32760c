#include "host/file_work.h"

#include <charconv>

#include "io/file_system.h"

namespace keyhold::host {
namespace {

constexpr std::string_view kTitle = "keyhold re-encryption 1\n";
constexpr std::size_t kMaxWishSizeBytes = 256;
constexpr std::size_t kNamedFiles = 3;

// "NAME NUMBER\n" off the front of `text`.
bool take_number(std::string_view& text, std::string_view name, std::uint64_t& value) {
  if (!text.starts_with(name)) return false;
  const char* const first = text.data() + name.size();
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() + text.size() || *end != '\n') return false;
  text.remove_prefix(static_cast<std::size_t>(end + 1 - text.data()));
  return true;
}

std::string_view explain(store::PendingFile::Why why) {
  switch (why) {
    case store::PendingFile::Why::written:
      return " is being written (a flush, a restart of the engine or its next roll closes it)";
    case store::PendingFile::Why::deleted:
      return " is deleted, but still open in a process";
    case store::PendingFile::Why::unreadable:
      return " cannot be checked: restore it from a backup, or remove it";
    default:
      return " is not re-encrypted yet";
  }
}

}  // namespace

FileWorkPaths::FileWorkPaths(const StoreLayout& layout)
    : wish(io::join_path(layout.directory, "reencrypt")),
      engines(io::join_path(layout.directory, "engines")),
      reencryptor(io::join_path(layout.directory, "reencrypt.lock")) {}

format::FilesRequest to_message(const FileReport& report) {
  format::FilesRequest message{.process = report.process,
                               .pid = static_cast<std::uint32_t>(report.pid),
                               .current = report.current,
                               .clean = report.clean,
                               .open = {},
                               .problem = report.problem.substr(0, format::kMaxFilesProblemBytes)};
  for (const store::OpenFileNote& note : report.open) {
    if (message.open.size() == format::kMaxFilesOpen) break;
    message.open.push_back({.device = note.file.first,
                            .inode = note.file.second,
                            .oldest = note.oldest,
                            .bytes = note.bytes,
                            .written = note.written});
  }
  return message;
}

FileReport from_message(const format::FilesRequest& message) {
  FileReport report{.process = message.process,
                    .pid = message.pid,
                    .current = message.current,
                    .clean = message.clean,
                    .open = {},
                    .problem = message.problem};
  for (const format::FilesRequest::Open& open : message.open) {
    report.open.push_back({.file = {open.device, open.inode},
                           .oldest = open.oldest,
                           .bytes = open.bytes,
                           .written = open.written});
  }
  return report;
}

std::string why_not_shredded(const CoverageReport& report) {
  const store::FileCount older = report.coverage.older_than(report.current);
  std::string text = std::to_string(older.files) + " files (" + std::to_string(older.bytes) +
                     " bytes) still need DEK generations before " +
                     std::to_string(number(report.current));
  std::size_t named = 0;
  for (const store::PendingFile& file : report.coverage.pending) {
    if (named++ == kNamedFiles) break;
    text += (named == 1 ? ": " : "; ") + (file.path.empty() ? "a file" : file.path);
    text += explain(file.why);
  }
  if (report.coverage.pending.size() > kNamedFiles) text += "; and others";
  return text + ". `keyhold store reencrypt` brings them over, `keyhold store coverage` lists them";
}

Result<FileWish> read_wish(io::FileSystem& files, const std::string& path) {
  const auto bytes = io::read_file(files, path, kMaxWishSizeBytes);
  if (!bytes && bytes.error().code() == Code::not_found) return FileWish{};
  if (!bytes) return fail(bytes.error());
  std::string_view text = as_text(*bytes);
  FileWish wish;
  std::uint64_t target = 0;
  const bool titled = text.starts_with(kTitle);
  if (titled) text.remove_prefix(kTitle.size());
  if (!titled || !take_number(text, "target ", target) ||
      !take_number(text, "bytes_per_second ", wish.bytes_per_second) || !text.empty() ||
      target > UINT32_MAX) {
    return fail(Code::integrity, path + " is damaged: remove it, and order the re-encryption anew");
  }
  wish.target = Generation{static_cast<std::uint32_t>(target)};
  return wish;
}

Status write_wish(io::FileSystem& files, const std::string& path, const FileWish& wish) {
  if (wish.none()) {
    const Status removed = files.remove(path);
    if (!removed && removed.error().code() == Code::not_found) return {};
    KEYHOLD_TRY(removed);
    return files.sync_directory(io::parent_path(path));
  }
  const std::string text = std::string(kTitle) + "target " + std::to_string(number(wish.target)) +
                           "\nbytes_per_second " + std::to_string(wish.bytes_per_second) + "\n";
  return io::replace_file(files, path, as_bytes(text));
}

}  // namespace keyhold::host
