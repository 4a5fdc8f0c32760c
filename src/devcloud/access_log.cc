#include "devcloud/access_log.h"

#include <algorithm>

namespace keyhold::devcloud {
namespace {

constexpr const char* kName = "access.log";
constexpr std::size_t kMaxTailBytes = 8U << 20U;

Result<std::unique_ptr<io::File>> open_or_make(const Folder& folder) {
  io::OpenOptions options;
  options.access = io::OpenOptions::Access::read_write;
  auto opened = folder.machine().files.open(folder.at(kName), options);
  if (opened || opened.error().code() != Code::not_found) return opened;
  options.create = io::OpenOptions::Create::exclusive;
  return folder.machine().files.open(folder.at(kName), options);
}

std::vector<std::string> lines_of(std::string_view text, std::size_t limit) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < limit) {
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    const std::size_t begin = text.rfind('\n');
    lines.emplace_back(text.substr(begin == text.npos ? 0 : begin + 1));
    text = begin == text.npos ? std::string_view() : text.substr(0, begin + 1);
  }
  std::ranges::reverse(lines);
  return lines;
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const Folder& folder) {
  KEYHOLD_TRY_ASSIGN(auto file, open_or_make(folder));
  KEYHOLD_TRY_ASSIGN(const auto info, file->info());
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(file), info.size_bytes));
}

Status AccessLog::append(std::string_view record) {
  const std::string line = std::string(record) + "\n";
  const std::lock_guard lock(mutex_);
  KEYHOLD_TRY(file_->write_at(size_bytes_, as_bytes(line)));
  size_bytes_ += line.size();
  return {};
}

Result<std::vector<std::string>> AccessLog::tail(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  const std::size_t size = std::min<std::uint64_t>(size_bytes_, kMaxTailBytes);
  ByteVector bytes(size);
  KEYHOLD_TRY(file_->read_at(size_bytes_ - size, bytes));
  std::string_view text = as_text(bytes);
  if (size < size_bytes_) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  return lines_of(text, limit);
}

}  // namespace keyhold::devcloud
