// The keys of one store, whoever holds them: this process as the store's host, or a running host
// asked over its control socket.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "host/engine.h"
#include "host/file_work.h"
#include "host/policy_file.h"
#include "kms/key_spec.h"
#include "store/key_source.h"

namespace keyhold::host {

enum class Role : std::uint8_t {
  host,    // this process holds the store's lock and talks to the KMS
  client,  // another one does
};

// Thread-safe. The orders run on the host, wait for its KMS where they need it, and end by its
// deadline (HostOptions::kms_timeout for each KMS call). Errors as in keyring/keyring.h.
class StoreKeys : public store::KeySource {
 public:
  [[nodiscard]] virtual Role role() const = 0;

  // What a seal stops and an unseal starts again. Set it before the engine opens its first file;
  // an empty one takes it back, and waits for a call under way.
  virtual void set_engine(Engine engine) = 0;

  // A new DEK generation, which new files use from the return on.
  virtual Result<Generation> rotate_dek() = 0;
  // A new KEK version; every DEK is wrapped again.
  virtual Status rotate_kek() = 0;
  // The KEK wrapped again by the newest version of every CMEK that it has a lockbox for.
  virtual Status rewrap() = 0;
  // The KEK wrapped by another CMEK; the old lockboxes are removed.
  virtual Status rewrap_to(const kms::KeySpec& spec) = 0;

  // FileWorker's: what this process has open, and what is wanted of it.
  virtual Result<FileWish> report_files(FileReport report) = 0;
  // Has every file brought under the current generation, or under a new one, by the processes that
  // work on the files; returns which. 0 bytes a second: no limit.
  virtual Result<Generation> reencrypt(bool rotate_first, std::uint64_t bytes_per_second) = 0;
  // Reads every header of the store.
  virtual Result<CoverageReport> coverage() = 0;
  // Takes the generations before the current one out of the key ring, and rotates the KEK.
  // Code::busy where something still needs them.
  virtual Result<ShredReport> shred() = 0;

  // policy.toml as it is on disk now, judged by what the open key ring pins.
  virtual Result<LoadedPolicy> policy() = 0;
  // store_policy(); the version of the new one.
  virtual Result<std::uint64_t> set_policy(const std::string& text, std::uint64_t expected) = 0;
};

}  // namespace keyhold::host
