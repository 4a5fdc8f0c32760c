// A store's append-mode files: everything that an engine writes below the store's root, encrypted.
//
// A file carries all that it needs in its header, so rename, link and remove are the file system's
// own; they go through here because re-encryption puts files in the place of others. Thread-safe.
//
// Locks: names_ (shared by whoever opens, makes or names files, exclusive for a swap), then those
// of a handle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/random.h"
#include "io/file_system.h"
#include "store/files.h"
#include "store/key_source.h"
#include "store/live_files.h"
#include "store/open_readers.h"
#include "store/rewrite.h"
#include "store/verify.h"

namespace keyhold::store {

// The folder of the store's own records; no engine can reach it.
inline constexpr std::string_view kPrivateFolder = ".keyhold";
// Page-mode files, which only the mount shows.
inline constexpr std::string_view kMountFolder = "fs";
// An engine's lock file: the one kind of file that stands in a store unencrypted, and therefore
// must be empty.
inline constexpr std::string_view kLockFileName = "LOCK";

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

// Keeps other processes from changing names of the store.
class NameGuard {
 public:
  virtual ~NameGuard() = default;
  // Runs `swap` while nobody else can; Code::busy where somebody might.
  virtual Status alone(const std::function<Status()>& swap) = 0;
};

// A name in the store, and what it leads to (a symbolic link itself).
struct StoreName {
  std::string path;
  io::FileInfo info;
};

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

  Status rename(const std::string& from, const std::string& to);
  Status link(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  // An empty one, or one that holds nothing but files under construction: what a crash left, or
  // what re-encryption was making of a file that is gone.
  Status remove_directory(const std::string& path);
  // An engine's lock file: while it is held, nobody but this process changes names in its folder.
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path);

  // Puts `made` in the place of the file that it was made from, under all of `names` that still
  // lead to that; handles read it from now on. Durable on return. `others` may be null: then there
  // are no other processes. Code::busy, nothing changed, where the file has a writer, or has
  // changed since; Code::not_found where no name is left. After any other failure some of the names
  // may lead to the new file.
  Status replace(std::vector<std::string> names, Rewritten made, NameGuard* others);
  // Whether this process has an open writer of the file.
  [[nodiscard]] bool has_writer(const io::FileInfo& file) { return live_.has_writer(file); }
  [[nodiscard]] std::vector<LiveFiles::Written> open_writers() { return live_.written(); }
  // What the handles of this process read.
  [[nodiscard]] std::vector<ReaderPlace> open_readers() const { return readers_->places(); }
  // Every file begun before the call, under whatever generation was current then, has its name or
  // none.
  void settle_names();

  // Deletes files under construction that a crash left below the root and nobody holds. Returns how
  // many.
  Result<std::uint64_t> remove_leftovers();
  // Absolute paths of every encrypted file below the root, sorted folder by folder; the store's own
  // folder and leftovers left out.
  Result<std::vector<std::string>> list_files();
  // The same with what they lead to. Looks again, a few times, where a file went meanwhile: it may
  // have another name.
  Result<std::vector<StoreName>> list_names();

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] io::FileSystem& files() { return files_; }
  [[nodiscard]] KeySource& keys() { return keys_; }
  [[nodiscard]] crypto::Random& random() { return random_; }

 private:
  // REQUIRES: names_ is held.
  Result<std::unique_ptr<AppendFile>> create_held(const std::string& path, Layout layout,
                                                  AccessHints hints);
  Result<std::unique_ptr<AppendFile>> make_log_writer(const std::string& path,
                                                      std::unique_ptr<io::File> file,
                                                      HeaderBlock header, const LogEnd& end,
                                                      bool recycled);

  Result<std::unique_ptr<AppendFile>> recycle_linked(const std::string& old_path,
                                                     const std::string& path);

  [[nodiscard]] bool has_folder_of(const std::string& path);
  Status check_unchanged(const std::string& path, const Rewritten& made);
  Status rename_over(const std::vector<std::string>& names, Rewritten& made);
  Successor successor(const std::string& path, const Rewritten& made);

  io::FileSystem& files_;
  KeySource& keys_;
  crypto::Random& random_;
  std::string root_;
  LiveFiles live_;
  std::shared_mutex names_;
  std::shared_ptr<OpenReaders> readers_ = std::make_shared<OpenReaders>();
  std::mutex folders_mutex_;
  std::vector<std::weak_ptr<const std::string>> folders_;  // whose lock file this process holds
};

}  // namespace keyhold::store
