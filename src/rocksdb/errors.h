// Keyhold's errors as RocksDB's: one table.
#pragma once

#include <rocksdb/io_status.h>

#include "base/error.h"

namespace keyhold::rocks {

// The message is kept. Retryable (RocksDB may resume by itself): sealed, denied, unavailable,
// no_space. A missing file is IOError with subcode kPathNotFound, a full disk kNoSpace; integrity,
// wrong_key and rollback are Corruption.
rocksdb::IOStatus to_io_status(const Error& error);

// The same, but damage is an IOError: what RocksDB replays (WAL, MANIFEST) it cuts off at a
// Corruption, in its default recovery mode silently, and acknowledged writes would be lost. At an
// IOError it refuses to open.
rocksdb::IOStatus to_replay_status(const Error& error);

// OK, or to_io_status of the error.
rocksdb::IOStatus to_io_status(const Status& outcome);

}  // namespace keyhold::rocks
