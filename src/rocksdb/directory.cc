#include <utility>

#include "rocksdb/errors.h"
#include "rocksdb/open_files.h"

namespace keyhold::rocks {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(std::shared_ptr<Volume> volume, std::string path)
      : volume_(std::move(volume)), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return to_io_status(volume_->files().sync_directory(path_));
  }

  // A checkpoint renames its folder into place and then syncs the folder, not the one that holds
  // its name.
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    const IOStatus outcome = Fsync(options, debug);
    if (!outcome.ok() || why.reason != rocksdb::DirFsyncOptions::kDirRenamed) return outcome;
    return to_io_status(volume_->files().sync_directory(io::parent_path(path_)));
  }

  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  std::shared_ptr<Volume> volume_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<rocksdb::FSDirectory> make_directory(std::shared_ptr<Volume> volume,
                                                     std::string path) {
  return std::make_unique<Directory>(std::move(volume), std::move(path));
}

}  // namespace keyhold::rocks
