// Keyhold under RocksDB 7.8, for programs that link libkeyhold_rocksdb.
//
// Loading the library (linked, or by LD_PRELOAD) registers the scheme keyhold:// with
// rocksdb::ObjectLibrary::Default(): Env::CreateFromUri and `--fs_uri=keyhold:///srv/store` work
// without another call. REQUIRES: the same librocksdb as the library was built for.
#pragma once

#include <memory>
#include <string>

#include <rocksdb/file_system.h>
#include <rocksdb/status.h>

namespace keyhold {

// A FileSystem on the store at `uri` (keyhold:///absolute/path/of/the/store); give it to
// rocksdb::NewCompositeEnv. This process becomes the store's host, or a client of the running one,
// until the last such FileSystem and every file opened through it are gone. Every path that is
// given to it must lie below the store.
//
// Waits for a KMS that does not answer, as long as KEYHOLD_KMS_WAIT says (for ever by default).
// Where the KMS denies: IOError. Where `uri` is none or there is no store: InvalidArgument, IOError
// with kPathNotFound. Where the key ring is damaged, rolled back or another key's: Corruption.
// *result is null then. Thread-safe.
__attribute__((visibility("default"))) rocksdb::Status NewRocksDBFileSystem(
    const std::string& uri, std::shared_ptr<rocksdb::FileSystem>* result);

}  // namespace keyhold
