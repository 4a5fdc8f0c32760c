// The store's handles behind RocksDB's interfaces. Direct I/O is the store's own business: each
// handle reports use_direct_io() == false, so that RocksDB neither aligns nor pads.
#pragma once

#include <memory>
#include <string>

#include <rocksdb/file_system.h>

#include "rocksdb/volume.h"

namespace keyhold::rocks {

// Sync and Fsync may run beside Append. PositionedAppend and Truncate only at the present end, else
// NotSupported. The destructor closes.
std::unique_ptr<rocksdb::FSWritableFile> make_writable_file(std::shared_ptr<Volume> volume,
                                                            std::unique_ptr<store::AppendFile> file,
                                                            const rocksdb::FileOptions& options);

// Thread-safe. ReadAsync is RocksDB's own default, which reads before it returns: libipsec-mb works
// on the caller's thread, so there is nothing to wait for but the page cache. The unique id is the
// file's own, the same after rename, link and restart.
std::unique_ptr<rocksdb::FSRandomAccessFile> make_random_access_file(
    std::shared_ptr<Volume> volume, std::unique_ptr<store::RandomFile> file);

std::unique_ptr<rocksdb::FSSequentialFile> make_sequential_file(
    std::shared_ptr<Volume> volume, std::unique_ptr<store::SequentialFile> file);

// `path` in normal form.
std::unique_ptr<rocksdb::FSDirectory> make_directory(std::shared_ptr<Volume> volume,
                                                     std::string path);

}  // namespace keyhold::rocks
