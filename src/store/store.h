// A store's append-mode files: everything that an engine writes below the store's root, encrypted.
//
// Rename, link and remove are the file system's own: a file carries all that it needs in its
// header. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/random.h"
#include "io/file_system.h"
#include "store/files.h"
#include "store/key_source.h"
#include "store/live_files.h"
#include "store/verify.h"

namespace keyhold::store {

// The folder of the store's own records; no engine can reach it.
inline constexpr std::string_view kPrivateFolder = ".keyhold";
// Page-mode files, which only the mount shows.
inline constexpr std::string_view kMountFolder = "fs";
// An engine's lock file: the one kind of file that stands in a store unencrypted, and therefore
// must be empty.
inline constexpr std::string_view kLockFileName = "LOCK";
// Files under construction. Left over by a crash: deleted by remove_leftovers, never reused.
inline constexpr std::string_view kTemporaryPrefix = ".keyhold-tmp-";

struct AccessHints {
  bool direct = false;  // bypass the kernel's page cache (O_DIRECT)
};

// What a header says of its file.
struct FileDescription {
  Layout layout;
  FileId file_id;
  Generation generation;
  std::uint16_t format_version;
  std::uint64_t header_sequence;
  bool closed;  // logs: the writer closed it (tables say so by their last chunk)
  std::uint64_t logical_bytes;
  std::uint64_t physical_bytes;
};

class HeaderBlock;
struct LogEnd;

class Store {
 public:
  // `root` is absolute and must outlive nothing: it is copied; the others must outlive the store.
  Store(io::FileSystem& files, KeySource& keys, crypto::Random& random, std::string root);

  // The normal form of a path inside the store. Code::permission where it lies outside, or in the
  // store's own folder.
  [[nodiscard]] Result<std::string> locate(std::string_view path) const;

  // A new file under `path`, in place of any other: made under a temporary name, header synced,
  // renamed.
  Result<std::unique_ptr<AppendFile>> create(const std::string& path, Layout layout,
                                             AccessHints hints = {});
  // An existing file, to go on at its end. A table can only be synced and closed.
  Result<std::unique_ptr<AppendFile>> reopen(const std::string& path);
  // The blocks of the log `old_path`, under a new name and a new salt, from the beginning.
  Result<std::unique_ptr<AppendFile>> recycle(const std::string& old_path, const std::string& path);

  Result<std::unique_ptr<RandomFile>> open_random(const std::string& path, AccessHints hints = {});
  Result<std::unique_ptr<SequentialFile>> open_sequential(const std::string& path,
                                                          AccessHints hints = {});

  // Logical size. Of a log that nobody closed, by reading it, unless its writer lives in this
  // process.
  Result<std::uint64_t> logical_size(const std::string& path);
  Result<FileDescription> describe(const std::string& path);

  // Reads every byte of a file against its tags and adds to `report`. `progress` is told physical
  // bytes as they are done. Errors of the operating system, and a seal, end it; damage becomes a
  // finding.
  Status verify(const std::string& path, VerifyReport& report,
                const std::function<void(std::uint64_t)>& progress);

  // Deletes files under construction that a crash left below the root and nobody holds. Returns how
  // many.
  Result<std::uint64_t> remove_leftovers();
  // Absolute paths of every encrypted file below the root, sorted folder by folder; the store's own
  // folder and leftovers left out.
  Result<std::vector<std::string>> list_files();

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] io::FileSystem& files() { return files_; }

 private:
  Result<std::unique_ptr<io::File>> begin_file(const std::string& temporary,
                                               const HeaderBlock& header, bool direct);
  Result<std::unique_ptr<AppendFile>> make_log_writer(const std::string& path,
                                                      std::unique_ptr<io::File> file,
                                                      HeaderBlock header, const LogEnd& end,
                                                      bool recycled);

  Result<std::unique_ptr<AppendFile>> recycle_linked(const std::string& old_path,
                                                     const std::string& path);

  io::FileSystem& files_;
  KeySource& keys_;
  crypto::Random& random_;
  std::string root_;
  LiveFiles live_;
};

}  // namespace keyhold::store
