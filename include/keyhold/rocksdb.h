// Keyhold under RocksDB 7.8, for programs that link libkeyhold_rocksdb.
//
// Loading the library (linked, or by LD_PRELOAD) registers the scheme keyhold:// with
// rocksdb::ObjectLibrary::Default(): Env::CreateFromUri and `--fs_uri=keyhold:///srv/store` work
// without another call. REQUIRES: the same librocksdb as the library was built for.
#pragma once

#include <functional>
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

// What a program does around a seal of its store. A seal takes the right to use the keys away:
// RocksDB would go on answering from its caches, so a process without a handler ends by SIGKILL
// then, after its keys are wiped; what was synced is there when it is started again.
struct RocksDBSealHandler {
  // Closes every database on the store and frees its block caches; I/O is still answered. Where it
  // has not returned within 2 s, the process ends as it would without a handler.
  std::function<void(const std::string& reason)> on_seal;
  // The keys are back: opens the databases again.
  std::function<void()> on_unseal;
};

// Registers a handler for the store at `uri`, in place of an earlier one; without on_seal it takes
// the handler back. The handler's functions are called one at a time on a thread of their own, and
// must not call this function. From here on this process stays the store's host, or client, until
// the handler is taken back. Errors as NewRocksDBFileSystem. Thread-safe.
__attribute__((visibility("default"))) rocksdb::Status SetRocksDBSealHandler(
    const std::string& uri, RocksDBSealHandler handler);

}  // namespace keyhold
