#include "kms/local/access_log.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kms/local/directory.h"

namespace keyhold::kms::local {
namespace {

constexpr std::string_view kLogName = "access.log";
constexpr std::string_view kOlderLogName = "access.log.1";
constexpr std::string_view kLogLockName = "access.log.lock";
constexpr std::uint64_t kReadBackBytes = 256ULL << 10U;

// Where root makes the next file, the KMS's own user must be able to go on with it. As far as that
// goes, and only with the very file that was made: the directory's owner may have put another one
// in its place.
void give_to_owner_of_directory(const std::string& path, const io::FileInfo& made) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  struct stat file {};
  struct stat directory {};
  const bool known =
      ::fstat(fd, &file) == 0 && ::stat(io::parent_path(path).c_str(), &directory) == 0;
  if (known && file.st_dev == made.device && file.st_ino == made.inode) {
    const int given = ::fchown(fd, directory.st_uid, directory.st_gid);
    static_cast<void>(given);
  }
  ::close(fd);
}

keyhold::Result<std::unique_ptr<io::File>> open_or_make(io::FileSystem& files,
                                                        const std::string& path) {
  auto file = files.open(path, {.access = io::OpenOptions::Access::read_write});
  if (file || file.error().code() != Code::not_found) return file;
  KEYHOLD_TRY_ASSIGN(file, files.open(path, {.access = io::OpenOptions::Access::read_write,
                                             .create = io::OpenOptions::Create::exclusive,
                                             .mode = 0600}));
  // Only the machine's own files have owners.
  if (&files == &io::posix_file_system() && ::geteuid() == 0) {
    KEYHOLD_TRY_ASSIGN(const io::FileInfo made, (*file)->info());
    give_to_owner_of_directory(path, made);
  }
  KEYHOLD_TRY(files.sync_directory(io::parent_path(path)));
  return file;
}

keyhold::Result<bool> ends_in_mid_line(io::File& file, std::uint64_t size_bytes) {
  if (size_bytes == 0) return false;
  std::array<std::uint8_t, 1> last{};
  KEYHOLD_TRY(file.read_at(size_bytes - 1, last));
  return last[0] != '\n';
}

// The entries of `text` from the last backwards, until there are `limit` of them in `found`.
void collect_backwards(std::string_view text, std::size_t limit,
                       std::vector<AccessLogEntry>& found) {
  while (!text.empty() && found.size() < limit) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    const std::size_t newline = text.rfind('\n');
    const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    if (auto entry = parse_log_entry(text.substr(start))) found.push_back(*std::move(entry));
    text = text.substr(0, start);
  }
}

// The part of `tail` that begins with a whole line. `whole_file`: its first line is whole.
std::string_view whole_lines(std::string_view tail, bool whole_file) {
  if (whole_file) return tail;
  const std::size_t newline = tail.find('\n');
  return newline == std::string_view::npos ? std::string_view() : tail.substr(newline + 1);
}

// Reads from the end, twice as far each time, until there are enough entries.
Status collect_file(io::File& file, std::size_t limit, std::vector<AccessLogEntry>& found) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file.info());
  const std::size_t before = found.size();
  for (std::uint64_t want = kReadBackBytes;; want *= 2) {
    const std::uint64_t size = std::min(want, info.size_bytes);
    ByteVector tail(size);
    KEYHOLD_TRY(file.read_at(info.size_bytes - size, tail));
    found.resize(before);
    const bool whole_file = size == info.size_bytes;
    collect_backwards(whole_lines(as_text(tail), whole_file), limit, found);
    if (whole_file || found.size() >= limit) return {};
  }
}

}  // namespace

std::string AccessLog::inside(std::string_view name) const {
  return io::join_path(directory_, name);
}

keyhold::Result<std::unique_ptr<io::File>> AccessLog::open_for(std::size_t line_size_bytes) {
  const std::string path = inside(kLogName);
  KEYHOLD_TRY_ASSIGN(auto file, open_or_make(*files_, path));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  if (info.size_bytes + line_size_bytes <= max_size_bytes_) return file;
  KEYHOLD_TRY(files_->rename(path, inside(kOlderLogName)));
  return open_or_make(*files_, path);
}

Status AccessLog::append_line(std::string line, bool durable) {
  KEYHOLD_TRY_ASSIGN(const auto file, open_for(line.size()));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  KEYHOLD_TRY_ASSIGN(const bool torn, ends_in_mid_line(*file, info.size_bytes));
  if (torn) line.insert(line.begin(), '\n');
  KEYHOLD_TRY(file->write_at(info.size_bytes, as_bytes(line)));
  if (durable) KEYHOLD_TRY(file->sync_data());
  return {};
}

Status AccessLog::append(const AccessLogEntry& entry, bool durable, Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(const auto lock,
                     wait_for_lock(*files_, *clock_, inside(kLogLockName), false, deadline));
  return append_line(serialize_log_entry(entry), durable);
}

keyhold::Result<std::vector<AccessLogEntry>> AccessLog::tail(std::size_t limit,
                                                             Deadline deadline) const {
  KEYHOLD_TRY_ASSIGN(const auto lock,
                     wait_for_lock(*files_, *clock_, inside(kLogLockName), true, deadline));
  std::vector<AccessLogEntry> found;
  for (const std::string_view name : {kLogName, kOlderLogName}) {
    if (found.size() >= limit) break;
    const auto file = files_->open(inside(name), {});
    if (!file && file.error().code() == Code::not_found) continue;
    if (!file) return fail(file.error());
    KEYHOLD_TRY(collect_file(**file, limit, found));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace keyhold::kms::local
