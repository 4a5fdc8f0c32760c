// RocksDB 7.8's FileSystem over a store: everything that the engine writes below the store's root
// is encrypted, its LOG and MANIFEST included. The one exception is the lock file (LOCK): empty,
// and held by the operating system's lock.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

#include "rocksdb/volume.h"

namespace keyhold::rocks {

// Thread-safe. Statuses are those of RocksDB's own FileSystem for the same operation, with these
// differences: a path outside the store is InvalidArgument; memory maps and NewRandomRWFile are
// NotSupported (they would need bytes to change in place); while the store is sealed every call is
// a retryable IOError.
class KeyholdFileSystem final : public rocksdb::FileSystem {
 public:
  static const char* kClassName() { return "KeyholdFileSystem"; }

  explicit KeyholdFileSystem(std::shared_ptr<Volume> volume) : volume_(std::move(volume)) {}

  [[nodiscard]] const char* Name() const override { return kClassName(); }
  [[nodiscard]] const char* NickName() const override { return "keyhold"; }
  // "keyhold:///root": what makes an equal one.
  [[nodiscard]] std::string GetId() const override;

  // Files
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewLogger(const std::string& name, const rocksdb::IOOptions& options,
                              std::shared_ptr<rocksdb::Logger>* result,
                              rocksdb::IODebugContext* debug) override;

  // Names (keyhold_file_names.cc)
  rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& name, const rocksdb::IOOptions& options,
                                std::vector<std::string>* result,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  // Both make the new folder's own name durable.
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  // Logical bytes; 0 for a lock file.
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                std::uint64_t* result, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileModificationTime(const std::string& name,
                                            const rocksdb::IOOptions& options,
                                            std::uint64_t* result,
                                            rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NumFileLinks(const std::string& name, const rocksdb::IOOptions& options,
                                 std::uint64_t* result, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus AreFilesSame(const std::string& first, const std::string& second,
                                 const rocksdb::IOOptions& options, bool* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions& options,
                             rocksdb::FileLock** result, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  // TEST_TMPDIR where that lies inside the store, else "test" below its root.
  rocksdb::IOStatus GetTestDirectory(const rocksdb::IOOptions& options, std::string* result,
                                     rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetAbsolutePath(const std::string& name, const rocksdb::IOOptions& options,
                                    std::string* result, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& name, const rocksdb::IOOptions& options,
                                 std::uint64_t* result, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus IsDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                bool* result, rocksdb::IODebugContext* debug) override;

  // As RocksDB's own FileSystem tunes WAL and MANIFEST, but use_mmap_writes is left as it was asked
  // for, so that it is refused when the database is opened and not at its first flush.
  [[nodiscard]] rocksdb::FileOptions OptimizeForLogWrite(
      const rocksdb::FileOptions& options, const rocksdb::DBOptions& db_options) const override;
  [[nodiscard]] rocksdb::FileOptions OptimizeForManifestWrite(
      const rocksdb::FileOptions& options) const override;
  [[nodiscard]] rocksdb::FileOptions OptimizeForCompactionTableRead(
      const rocksdb::FileOptions& options,
      const rocksdb::ImmutableDBOptions& db_options) const override;

 private:
  Result<io::FileInfo> info_of(const std::string& name);
  Result<std::uint64_t> size_of(const std::string& name);
  Status rename(const std::string& from, const std::string& to);
  Status link(const std::string& from, const std::string& to);
  Status create_directory(const std::string& name, bool may_exist);
  Status remove_directory(const std::string& name);

  std::shared_ptr<Volume> volume_;
};

}  // namespace keyhold::rocks
