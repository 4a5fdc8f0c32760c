// What a FileSystem of RocksDB's stands on: a store and whatever gives it its keys. Every open file
// holds a reference, so that it may outlive the FileSystem object (at exit it does).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "host/file_worker.h"
#include "host/store_keys.h"
#include "io/file_system.h"
#include "store/store.h"

namespace keyhold::rocks {

// Thread-safe.
class Volume {
 public:
  // All three outlive the volume.
  Volume(io::FileSystem& files, store::KeySource& keys, crypto::Random& random, std::string root);
  // Owns its keys: dropping the volume ends this process's part as the store's host or client.
  Volume(io::FileSystem& files, std::unique_ptr<host::StoreKeys> keys, crypto::Random& random,
         std::string root);

  // From now on this process is one that works on the store's files: it says to the host what it
  // has open, and re-encrypts what the host wants. REQUIRES: it owns its keys.
  Status work_on_files(const Clock& clock);

  // The normal form of a name that RocksDB uses; a relative one counts from the working directory.
  // Code::sealed where the store is sealed; Code::invalid_argument, saying what to set, where the
  // name lies outside the store.
  [[nodiscard]] Result<std::string> locate(const std::string& name) const;

  // Names that only Keyhold uses: left out of every listing. `directory` is in normal form.
  [[nodiscard]] bool hides(std::string_view directory, std::string_view name) const;

  [[nodiscard]] store::Store& store() { return store_; }
  [[nodiscard]] io::FileSystem& files() { return store_.files(); }
  [[nodiscard]] const std::string& root() const { return store_.root(); }

 private:
  std::unique_ptr<host::StoreKeys> owned_keys_;
  store::KeySource& keys_;
  store::Store store_;
  std::unique_ptr<host::FileWorker> worker_;
};

}  // namespace keyhold::rocks
