// The seam to files: POSIX, in memory (with power loss), fault-injecting. Paths are absolute,
// UTF-8, without "." or "..". Everything is thread-safe unless a member says otherwise. Errors
// carry the path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

namespace keyhold::io {

struct FileInfo {
  enum class Type : std::uint8_t { file, directory, symbolic_link, other };
  Type type;
  std::uint64_t size_bytes;
  std::uint64_t device;
  std::uint64_t inode;
  WallTime modified;
  std::uint64_t links = 1;  // names that lead to it
};

struct OpenOptions {
  enum class Access : std::uint8_t { read, read_write };
  enum class Create : std::uint8_t {
    never,      // it must exist
    exclusive,  // it must not exist
  };
  Access access = Access::read;
  Create create = Create::never;
  std::uint32_t mode = 0600;
  bool direct = false;  // O_DIRECT where the file system has it: offsets, lengths and memory are
                        // multiples of 4096
};

enum class Advice : std::uint8_t { normal, random, sequential, will_need, dont_need };

class File {
 public:
  virtual ~File() = default;

  // Fills `out` from `offset`; fewer bytes only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) = 0;
  // Writes all of `data` or fails; after a failure any prefix of it may have been written.
  virtual Status write_at(std::uint64_t offset, ByteView data) = 0;
  // Data and the metadata needed to read it, the size included, are on stable storage (fdatasync).
  // A file of the machine that failed a sync fails every later one: what was lost stays lost.
  virtual Status sync_data() = 0;
  virtual Status sync_all() = 0;
  // Starts (or with wait, finishes) writing back a range without making it durable
  // (sync_file_range). Length 0 stands for all that follows, here and in advise.
  virtual Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) = 0;
  virtual Status truncate(std::uint64_t size_bytes) = 0;
  // Reserves space without changing the size; where unsupported, does nothing.
  virtual Status reserve(std::uint64_t offset, std::uint64_t length) = 0;
  virtual Result<FileInfo> info() = 0;
  virtual void advise(Advice advice, std::uint64_t offset, std::uint64_t length) = 0;
  // Later errors name the file so: it was renamed. Before other threads have the handle.
  virtual void set_path(const std::string& /*path*/) {}
  // Closes; the destructor does too, but cannot report. Not while another call runs. Every later
  // call fails, but a second close does nothing.
  virtual Status close() = 0;
};

// Held until destroyed, or until the process ends. Another process (or another handle here) cannot
// take it meanwhile.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct SpaceInfo {
  std::uint64_t free_bytes;
  std::uint64_t total_bytes;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Code::integrity for what is neither a file nor a directory (a FIFO, a device): it is not waited
  // for.
  virtual Result<std::unique_ptr<File>> open(const std::string& path,
                                             const OpenOptions& options) = 0;
  virtual Result<FileInfo> info(const std::string& path) = 0;
  // The same of the name itself: a symbolic link is not followed (lstat).
  virtual Result<FileInfo> entry(const std::string& path) { return info(path); }
  // Atomically; replaces `to` where it exists.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status link(const std::string& from, const std::string& to) = 0;
  // Gives the file `to` the mode, owner and times of `from`. An owner that the process may not give
  // is Code::permission. What a file system does not keep is left out.
  virtual Status copy_attributes(const std::string& /*from*/, const std::string& /*to*/) {
    return {};
  }
  virtual Status remove(const std::string& path) = 0;
  virtual Status make_directory(const std::string& path, std::uint32_t mode) = 0;
  virtual Status remove_directory(const std::string& path) = 0;
  // Names without "." and "..", sorted.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  // What was made, renamed or removed in this directory is durable.
  virtual Status sync_directory(const std::string& path) = 0;
  // Makes the lock file where needed. Code::busy where somebody holds it. Held per open handle
  // (flock).
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path, bool shared = false) = 0;
  virtual Result<SpaceInfo> space(const std::string& path) = 0;
};

// The machine's files. Retries EINTR, finishes short writes.
FileSystem& posix_file_system();

// Whole small files. read_file fails with Code::invalid_argument above `limit_bytes`.
Result<ByteVector> read_file(FileSystem& files, const std::string& path, std::size_t limit_bytes);
// Durable and atomic: a temporary file beside it (`.NAME.tmp-` and 16 hexadecimal digits, removed
// on failure), written, synced, renamed over, directory synced.
Status replace_file(FileSystem& files, const std::string& path, ByteView content,
                    std::uint32_t mode = 0600);

Result<bool> exists(FileSystem& files, const std::string& path);
// "/" for what stands directly below it, and for itself.
std::string parent_path(std::string_view path);
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace keyhold::io
