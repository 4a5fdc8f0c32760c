#include <array>
#include <cerrno>

#include <sys/random.h>

#include "io/file_system.h"

namespace keyhold::io {
namespace {

// Unlike a process id, unique over containers that share a directory.
Result<std::string> temporary_path(const std::string& path) {
  std::array<std::uint8_t, 8> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return fail_errno(errno, "getrandom");
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  return join_path(parent_path(path), "." + name + ".tmp-" + to_hex(random));
}

Status write_synced(File& file, ByteView content) {
  KEYHOLD_TRY(file.write_at(0, content));
  KEYHOLD_TRY(file.sync_all());
  return file.close();
}

Status make_and_rename(FileSystem& files, const std::string& temporary, const std::string& path,
                       ByteView content, std::uint32_t mode) {
  const OpenOptions options{.access = OpenOptions::Access::read_write,
                            .create = OpenOptions::Create::exclusive,
                            .mode = mode};
  KEYHOLD_TRY_ASSIGN(const std::unique_ptr<File> file, files.open(temporary, options));
  auto outcome = write_synced(*file, content);
  if (outcome) outcome = files.rename(temporary, path);
  // The first failure is the one to tell.
  if (!outcome) static_cast<void>(files.remove(temporary));
  return outcome;
}

}  // namespace

Result<ByteVector> read_file(FileSystem& files, const std::string& path, std::size_t limit_bytes) {
  KEYHOLD_TRY_ASSIGN(const std::unique_ptr<File> file, files.open(path, {}));
  KEYHOLD_TRY_ASSIGN(const FileInfo info, file->info());
  if (info.size_bytes > limit_bytes) {
    return fail(Code::invalid_argument, "read " + path + ": " + std::to_string(info.size_bytes) +
                                            " bytes are more than the " +
                                            std::to_string(limit_bytes) + " allowed");
  }
  ByteVector content(info.size_bytes);
  KEYHOLD_TRY_ASSIGN(const std::size_t size, file->read_at(0, content));
  content.resize(size);
  return content;
}

Status replace_file(FileSystem& files, const std::string& path, ByteView content,
                    std::uint32_t mode) {
  KEYHOLD_TRY_ASSIGN(const std::string temporary, temporary_path(path));
  KEYHOLD_TRY(make_and_rename(files, temporary, path, content, mode));
  return files.sync_directory(parent_path(path));
}

Result<bool> exists(FileSystem& files, const std::string& path) {
  const auto info = files.info(path);
  if (info) return true;
  if (info.error().code() == Code::not_found) return false;
  return fail(info.error());
}

}  // namespace keyhold::io
