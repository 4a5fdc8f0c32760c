#include "io/posix_file.h"

#include <fcntl.h>
#include <unistd.h>

namespace keyhold::io {
namespace {

constexpr std::size_t kDirectAlignmentBytes = 4096;

int posix_advice(Advice advice) {
  switch (advice) {
    case Advice::random:
      return POSIX_FADV_RANDOM;
    case Advice::sequential:
      return POSIX_FADV_SEQUENTIAL;
    case Advice::will_need:
      return POSIX_FADV_WILLNEED;
    case Advice::dont_need:
      return POSIX_FADV_DONTNEED;
    case Advice::normal:
      break;
  }
  return POSIX_FADV_NORMAL;
}

FileInfo::Type type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileInfo::Type::file;
  if (S_ISDIR(mode)) return FileInfo::Type::directory;
  if (S_ISLNK(mode)) return FileInfo::Type::symbolic_link;
  return FileInfo::Type::other;
}

bool unsupported(int error_number) {
  return error_number == EOPNOTSUPP || error_number == ENOSYS;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

tl::unexpected<Error> fail_path(int error_number, std::string_view operation,
                                std::string_view path) {
  return fail_errno(error_number, std::string(operation).append(" ").append(path));
}

FileInfo info_of(const struct stat& raw) {
  const auto since_epoch =
      std::chrono::seconds(raw.st_mtim.tv_sec) + std::chrono::nanoseconds(raw.st_mtim.tv_nsec);
  return FileInfo{
      .type = type_of(raw.st_mode),
      .size_bytes = static_cast<std::uint64_t>(raw.st_size),
      .device = raw.st_dev,
      .inode = raw.st_ino,
      .modified = WallTime(std::chrono::duration_cast<WallTime::duration>(since_epoch)),
      .links = raw.st_nlink,
  };
}

PosixFile::~PosixFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::size_t> PosixFile::read_at(std::uint64_t offset, MutableByteView out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno, "pread");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
    if (direct_ && done < out.size() && done % kDirectAlignmentBytes != 0) {
      // A direct read cannot go on from here; at the end of the file it need not.
      KEYHOLD_TRY(expect_end_at(offset + done));
      break;
    }
  }
  return done;
}

Status PosixFile::write_at(std::uint64_t offset, ByteView data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t put =
        ::pwrite(fd_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed(errno, "pwrite");
    if (put == 0) return failed(EIO, "pwrite");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Status PosixFile::sync_data() {
  return sync_with(&::fdatasync, "fdatasync");
}

Status PosixFile::sync_all() {
  return sync_with(&::fsync, "fsync");
}

// The kernel reports a failed write-back once and then counts the lost pages as clean: a second
// sync would succeed without the data. So the first failure stays.
Status PosixFile::sync_with(int (*call)(int), std::string_view operation) {
  if (const int earlier = sync_error_.load(); earlier != 0) return failed(earlier, operation);
  if (without_eintr([&] { return call(fd_); }) == 0) return {};
  const int error_number = errno;
  sync_error_ = error_number;
  return failed(error_number, operation);
}

Status PosixFile::sync_range(std::uint64_t offset, std::uint64_t length, bool wait) {
  const unsigned flags =
      wait ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
           : SYNC_FILE_RANGE_WRITE;
  const auto call = [&] {
    return ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(length), flags);
  };
  if (const int earlier = sync_error_.load(); earlier != 0) {
    return failed(earlier, "sync_file_range");
  }
  if (without_eintr(call) == 0 || unsupported(errno)) return {};
  const int error_number = errno;
  sync_error_ = error_number;  // waiting takes the kernel's one report of a failed write-back
  return failed(error_number, "sync_file_range");
}

Status PosixFile::truncate(std::uint64_t size_bytes) {
  const auto call = [&] { return ::ftruncate(fd_, static_cast<off_t>(size_bytes)); };
  if (without_eintr(call) == 0) return {};
  return failed(errno, "ftruncate");
}

Status PosixFile::reserve(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return {};
  const auto call = [&] {
    return ::fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(length));
  };
  if (without_eintr(call) == 0 || unsupported(errno)) return {};
  return failed(errno, "fallocate");
}

Result<FileInfo> PosixFile::info() {
  struct stat raw {};
  if (::fstat(fd_, &raw) != 0) return failed(errno, "fstat");
  return info_of(raw);
}

Status PosixFile::expect_end_at(std::uint64_t offset) {
  KEYHOLD_TRY_ASSIGN(const FileInfo now, info());
  if (offset < now.size_bytes) return failed(EIO, "pread");
  return {};
}

void PosixFile::advise(Advice advice, std::uint64_t offset, std::uint64_t length) {
  ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(length),
                  posix_advice(advice));
}

Status PosixFile::close() {
  if (fd_ < 0) return {};
  const int outcome = ::close(fd_);
  fd_ = -1;
  // Linux has released the descriptor even where close() was interrupted.
  if (outcome != 0 && errno != EINTR) return failed(errno, "close");
  return {};
}

}  // namespace keyhold::io
