#include <utility>

#include "base/log.h"
#include "rocksdb/errors.h"
#include "rocksdb/open_files.h"

namespace keyhold::rocks {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::shared_ptr<Volume> volume, std::unique_ptr<store::AppendFile> file,
               const rocksdb::FileOptions& options)
      : FSWritableFile(options),
        reserves_(options.allow_fallocate),
        volume_(std::move(volume)),
        file_(std::move(file)) {}

  // RocksDB drops small files without closing them.
  ~WritableFile() override {
    const IOStatus outcome = close();
    if (!outcome.ok()) log::error("close: " + outcome.ToString());
  }

  using FSWritableFile::Append;  // with a checksum: the tag of each block says more than a CRC
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    return to_io_status(file_->append(as_bytes({data.data(), data.size()})));
  }

  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    if (offset != file_->size()) {
      return IOStatus::NotSupported("PositionedAppend elsewhere than at the end");
    }
    return Append(data, options, debug);
  }

  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    return to_io_status(file_->truncate(size));
  }

  IOStatus Flush(const IOOptions&, IODebugContext*) override {
    return to_io_status(file_->flush());
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return to_io_status(file_->sync(false));
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return to_io_status(file_->sync(true));
  }
  [[nodiscard]] bool IsSyncThreadSafe() const override { return true; }

  // strict_bytes_per_sync: no more than one range is ever on its way, so what lies before is waited
  // for.
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t size, const IOOptions&,
                     IODebugContext*) override {
    if (strict_bytes_per_sync_) return to_io_status(file_->sync_range(0, offset + size, true));
    return to_io_status(file_->sync_range(offset, size, false));
  }

  IOStatus Allocate(std::uint64_t offset, std::uint64_t size, const IOOptions&,
                    IODebugContext*) override {
    if (!reserves_) return IOStatus::OK();
    return to_io_status(file_->reserve(offset, size));
  }

  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return file_->size(); }

  IOStatus Close(const IOOptions&, IODebugContext*) override { return close(); }

 private:
  IOStatus close() {
    if (std::exchange(closed_, true)) return IOStatus::OK();
    return to_io_status(file_->close());
  }

  const bool reserves_;
  bool closed_ = false;
  std::shared_ptr<Volume> volume_;  // outlives file_
  std::unique_ptr<store::AppendFile> file_;
};

}  // namespace

std::unique_ptr<rocksdb::FSWritableFile> make_writable_file(std::shared_ptr<Volume> volume,
                                                            std::unique_ptr<store::AppendFile> file,
                                                            const rocksdb::FileOptions& options) {
  return std::make_unique<WritableFile>(std::move(volume), std::move(file), options);
}

}  // namespace keyhold::rocks
