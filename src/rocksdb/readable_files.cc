#include <algorithm>
#include <utility>
#include <vector>

#include "rocksdb/errors.h"
#include "rocksdb/open_files.h"

namespace keyhold::rocks {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

MutableByteView view_of(char* scratch, std::size_t size) {
  return {reinterpret_cast<std::uint8_t*>(scratch), size};
}

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  RandomAccessFile(std::shared_ptr<Volume> volume, std::unique_ptr<store::RandomFile> file)
      : volume_(std::move(volume)), file_(std::move(file)) {}

  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions&, Slice* result,
                char* scratch, IODebugContext*) const override {
    const auto done = file_->read(offset, view_of(scratch, size));
    *result = Slice(scratch, done.value_or(0));
    return done ? IOStatus::OK() : to_io_status(done.error());
  }

  IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count, const IOOptions&,
                     IODebugContext*) override {
    std::vector<store::ReadRequest> reads(count);
    for (std::size_t i = 0; i < count; ++i) {
      reads[i].offset = requests[i].offset;
      reads[i].out = view_of(requests[i].scratch, requests[i].len);
    }
    file_->read_many(reads);
    for (std::size_t i = 0; i < count; ++i) {
      requests[i].result = Slice(requests[i].scratch, reads[i].status ? reads[i].done : 0);
      requests[i].status = to_io_status(reads[i].status);
    }
    return IOStatus::OK();
  }

  // RocksDB's own buffer then reads ahead in large pieces, of which every chunk is decrypted once;
  // a hint to the kernel would have it come back for each block, and for most chunks twice.
  IOStatus Prefetch(std::uint64_t, std::size_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("RocksDB reads ahead itself");
  }

  void Hint(AccessPattern pattern) override {
    if (pattern == kNormal || pattern == kSequential) file_->advise_random(false);
    if (pattern == kRandom) file_->advise_random(true);
  }

  // A leading byte below 0x80 keeps it from reading as one varint; all ids have the same length, so
  // none is another's prefix.
  std::size_t GetUniqueId(char* id, std::size_t max_size) const override {
    constexpr char kMark = 'K';
    if (max_size < FileId::kSizeBytes + 1) return 0;
    const FileId file_id = file_->id();
    *id = kMark;
    copy_bytes(file_id.bytes(), view_of(id + 1, FileId::kSizeBytes));
    return FileId::kSizeBytes + 1;
  }

 private:
  std::shared_ptr<Volume> volume_;  // outlives file_
  std::unique_ptr<store::RandomFile> file_;
};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(std::shared_ptr<Volume> volume, std::unique_ptr<store::SequentialFile> file)
      : volume_(std::move(volume)), file_(std::move(file)) {}

  // RocksDB takes a short read for the end of the file, so it is filled as far as there is
  // anything.
  IOStatus Read(std::size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    MutableByteView rest = view_of(scratch, size);
    *result = Slice(scratch, 0);
    while (!rest.empty()) {
      const auto done = file_->read(rest);
      if (!done) return to_replay_status(done.error());
      if (*done == 0) break;
      rest = rest.subspan(*done);
    }
    *result = Slice(scratch, size - rest.size());
    return IOStatus::OK();
  }

  IOStatus Skip(std::uint64_t bytes) override {
    const Status outcome = file_->skip(bytes);
    return outcome ? IOStatus::OK() : to_replay_status(outcome.error());
  }

 private:
  std::shared_ptr<Volume> volume_;  // outlives file_
  std::unique_ptr<store::SequentialFile> file_;
};

}  // namespace

std::unique_ptr<rocksdb::FSRandomAccessFile> make_random_access_file(
    std::shared_ptr<Volume> volume, std::unique_ptr<store::RandomFile> file) {
  return std::make_unique<RandomAccessFile>(std::move(volume), std::move(file));
}

std::unique_ptr<rocksdb::FSSequentialFile> make_sequential_file(
    std::shared_ptr<Volume> volume, std::unique_ptr<store::SequentialFile> file) {
  return std::make_unique<SequentialFile>(std::move(volume), std::move(file));
}

}  // namespace keyhold::rocks
