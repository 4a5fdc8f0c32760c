// RocksDB's own LOG, encrypted like every other file.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "base/clock.h"
#include "rocksdb/volume.h"

namespace keyhold::rocks {

// Each line goes to the operating system before the call returns: a kill loses none. Lines begin as
// in RocksDB's own log: local time with microseconds, thread id. Thread-safe. A line that cannot be
// written is dropped; the first one of a logger is told to keyhold's log.
std::shared_ptr<rocksdb::Logger> make_logger(std::shared_ptr<Volume> volume,
                                             std::unique_ptr<store::AppendFile> file,
                                             const Clock& clock);

}  // namespace keyhold::rocks
