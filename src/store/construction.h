// Files under construction: made under a temporary name, header synced, then renamed into place.
#pragma once

#include <memory>
#include <string>

#include "crypto/random.h"
#include "io/file_system.h"
#include "store/header_block.h"

namespace keyhold::store {

// Left over by a crash: deleted by Store::remove_leftovers, never reused.
inline constexpr std::string_view kTemporaryPrefix = ".keyhold-tmp-";

// Takes its name away again unless it was renamed: from keep() on it stays.
class Construction {
 public:
  // In the folder of `path`. The header is on stable storage; nobody takes the file for a leftover
  // while the object lives.
  static Result<Construction> begin(io::FileSystem& files, crypto::Random& random,
                                    const std::string& path, const HeaderBlock& header,
                                    bool direct);
  Construction(Construction&& other) noexcept;
  Construction& operator=(Construction&&) = delete;
  ~Construction();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::unique_ptr<io::File> take_file() { return std::move(file_); }
  void keep() { kept_ = true; }

 private:
  Construction(io::FileSystem& files, std::string path, std::unique_ptr<io::FileLock> lock)
      : files_(&files), path_(std::move(path)), lock_(std::move(lock)) {}
  static Result<Construction> attempt_at(io::FileSystem& files, const std::string& temporary,
                                         const HeaderBlock& header, bool direct);
  Status write_header(const HeaderBlock& header, bool direct);

  io::FileSystem* files_;
  std::string path_;
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<io::File> file_;
  bool kept_ = false;
};

}  // namespace keyhold::store
