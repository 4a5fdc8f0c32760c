// An open file of the machine. Private to src/io: the rest of Keyhold sees only io::File.
#pragma once

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>

#include <sys/stat.h>

#include "io/file_system.h"

namespace keyhold::io {

// Owns a file descriptor; closes it in the destructor, ignoring the outcome.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

// Runs a system call that answers -1 and EINTR when a signal cut in, until it does not.
template <typename Call>
auto without_eintr(Call call) {
  auto outcome = call();
  while (outcome == -1 && errno == EINTR) outcome = call();
  return outcome;
}

// errno's failure of `operation` on `path`: "pwrite /a/b: No space left on device".
tl::unexpected<Error> fail_path(int error_number, std::string_view operation,
                                std::string_view path);

FileInfo info_of(const struct stat& raw);

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path, bool direct)
      : fd_(descriptor.release()), path_(std::move(path)), direct_(direct) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override;
  Status write_at(std::uint64_t offset, ByteView data) override;
  Status sync_data() override;
  Status sync_all() override;
  Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) override;
  Status truncate(std::uint64_t size_bytes) override;
  Status reserve(std::uint64_t offset, std::uint64_t length) override;
  Result<FileInfo> info() override;
  void advise(Advice advice, std::uint64_t offset, std::uint64_t length) override;
  void set_path(const std::string& path) override { path_ = path; }
  Status close() override;

 private:
  Status sync_with(int (*call)(int), std::string_view operation);
  Status expect_end_at(std::uint64_t offset);
  [[nodiscard]] tl::unexpected<Error> failed(int error_number, std::string_view operation) const {
    return fail_path(error_number, operation, path_);
  }

  int fd_;
  std::string path_;
  const bool direct_;
  std::atomic<int> sync_error_{0};
};

}  // namespace keyhold::io
