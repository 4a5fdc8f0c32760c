#include "rocksdb/keyhold_file_system.h"

#include <algorithm>
#include <utility>

#include <rocksdb/options.h>

#include "rocksdb/errors.h"
#include "rocksdb/layout.h"
#include "rocksdb/logger.h"
#include "rocksdb/open_files.h"

namespace keyhold::rocks {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

Status refuse_maps(const FileOptions& options) {
  if (options.use_mmap_reads) {
    return fail(Code::unsupported,
                "allow_mmap_reads (--mmap_read): would bypass encryption; turn it off");
  }
  if (options.use_mmap_writes) {
    return fail(Code::unsupported,
                "allow_mmap_writes (--mmap_write): would bypass encryption; turn it off");
  }
  return {};
}

// Only tables are written and read past the kernel's cache: a log's frames are not aligned.
store::AccessHints hints_of(const std::string& path, bool direct) {
  return {.direct = direct && layout_of(path) == store::Layout::table};
}

// Runs `open`, which answers a Result of a handle, and hands the handle's wrapper out.
template <typename Handle, typename Open, typename Wrap>
IOStatus open_with(std::unique_ptr<Handle>* result, const FileOptions& options, Open open,
                   Wrap wrap) {
  result->reset();
  const Status allowed = refuse_maps(options);
  if (!allowed) return to_io_status(allowed);
  auto handle = open();
  if (!handle) return to_io_status(handle.error());
  *result = wrap(*std::move(handle));
  return IOStatus::OK();
}

}  // namespace

std::string KeyholdFileSystem::GetId() const {
  return "keyhold://" + volume_->root();
}

IOStatus KeyholdFileSystem::NewSequentialFile(const std::string& name, const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                              IODebugContext*) {
  const auto open = [&]() -> Result<std::unique_ptr<store::SequentialFile>> {
    KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
    return volume_->store().open_sequential(path, hints_of(path, options.use_direct_reads));
  };
  return open_with(result, options, open, [&](std::unique_ptr<store::SequentialFile> file) {
    return make_sequential_file(volume_, std::move(file));
  });
}

IOStatus KeyholdFileSystem::NewRandomAccessFile(
    const std::string& name, const FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext*) {
  const auto open = [&]() -> Result<std::unique_ptr<store::RandomFile>> {
    KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
    return volume_->store().open_random(path, hints_of(path, options.use_direct_reads));
  };
  return open_with(result, options, open, [&](std::unique_ptr<store::RandomFile> file) {
    return make_random_access_file(volume_, std::move(file));
  });
}

IOStatus KeyholdFileSystem::NewWritableFile(const std::string& name, const FileOptions& options,
                                            std::unique_ptr<rocksdb::FSWritableFile>* result,
                                            IODebugContext*) {
  const auto open = [&]() -> Result<std::unique_ptr<store::AppendFile>> {
    KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
    return volume_->store().create(path, layout_of(path),
                                   hints_of(path, options.use_direct_writes));
  };
  return open_with(result, options, open, [&](std::unique_ptr<store::AppendFile> file) {
    return make_writable_file(volume_, std::move(file), options);
  });
}

IOStatus KeyholdFileSystem::ReopenWritableFile(const std::string& name, const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSWritableFile>* result,
                                               IODebugContext*) {
  const auto open = [&]() -> Result<std::unique_ptr<store::AppendFile>> {
    KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
    // A file whose key is missing is there all the same, and not to be replaced by an empty one.
    KEYHOLD_TRY_ASSIGN(const bool there, io::exists(volume_->files(), path));
    if (there) return volume_->store().reopen(path);
    return volume_->store().create(path, layout_of(path),
                                   hints_of(path, options.use_direct_writes));
  };
  return open_with(result, options, open, [&](std::unique_ptr<store::AppendFile> file) {
    return make_writable_file(volume_, std::move(file), options);
  });
}

IOStatus KeyholdFileSystem::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                              const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                                              IODebugContext*) {
  const auto open = [&]() -> Result<std::unique_ptr<store::AppendFile>> {
    KEYHOLD_TRY_ASSIGN(const std::string old_path, volume_->locate(old_name));
    KEYHOLD_TRY_ASSIGN(const std::string path, volume_->locate(name));
    return volume_->store().recycle(old_path, path);
  };
  return open_with(result, options, open, [&](std::unique_ptr<store::AppendFile> file) {
    return make_writable_file(volume_, std::move(file), options);
  });
}

IOStatus KeyholdFileSystem::NewDirectory(const std::string& name, const IOOptions&,
                                         std::unique_ptr<rocksdb::FSDirectory>* result,
                                         IODebugContext*) {
  result->reset();
  const auto info = info_of(name);
  if (!info) return to_io_status(info.error());
  if (info->type != io::FileInfo::Type::directory) return IOStatus::IOError("no directory", name);
  const auto path = volume_->locate(name);
  if (!path) return to_io_status(path.error());
  *result = make_directory(volume_, *path);
  return IOStatus::OK();
}

IOStatus KeyholdFileSystem::NewLogger(const std::string& name, const IOOptions&,
                                      std::shared_ptr<rocksdb::Logger>* result, IODebugContext*) {
  result->reset();
  const auto path = volume_->locate(name);
  if (!path) return to_io_status(path.error());
  auto file = volume_->store().create(*path, store::Layout::log);
  if (!file) return to_io_status(file.error());
  *result = make_logger(volume_, *std::move(file), system_clock());
  return IOStatus::OK();
}

FileOptions KeyholdFileSystem::OptimizeForLogWrite(const FileOptions& options,
                                                   const rocksdb::DBOptions& db_options) const {
  FileOptions optimized = FileSystem::OptimizeForLogWrite(options, db_options);
  optimized.use_direct_writes = false;
  optimized.fallocate_with_keep_size = true;
  return optimized;
}

FileOptions KeyholdFileSystem::OptimizeForManifestWrite(const FileOptions& options) const {
  FileOptions optimized = FileSystem::OptimizeForManifestWrite(options);
  optimized.use_direct_writes = false;
  optimized.fallocate_with_keep_size = true;
  return optimized;
}

// Block by block, most chunks would be decrypted twice: compaction reads in larger pieces.
FileOptions KeyholdFileSystem::OptimizeForCompactionTableRead(
    const FileOptions& options, const rocksdb::ImmutableDBOptions& db_options) const {
  constexpr std::size_t kReadaheadBytes = std::size_t{256} << 10;
  FileOptions optimized = FileSystem::OptimizeForCompactionTableRead(options, db_options);
  optimized.compaction_readahead_size =
      std::max(optimized.compaction_readahead_size, kReadaheadBytes);
  return optimized;
}

}  // namespace keyhold::rocks
