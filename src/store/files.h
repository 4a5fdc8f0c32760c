// The handles of an encrypted file, as an engine sees them: logical bytes only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"

namespace keyhold::store {

// How the bytes of an append-mode file lie on disk (docs/formats/append-mode.md).
enum class Layout : std::uint8_t {
  table,  // fixed chunks: written once, read at random (SST, blob files)
  log,    // frames: every append is at once on its way to the disk (WAL, MANIFEST, everything else)
};

// A file being written. Thread-safe; sync may run beside append. After any failed write a table
// fails for good; a log takes a new subkey and goes on at the same place.
class AppendFile {
 public:
  virtual ~AppendFile() = default;

  // A table refuses once it was synced (Code::unsupported): its last chunk is final.
  virtual Status append(ByteView data) = 0;
  // Hands everything appended so far to the operating system, except a table's short tail.
  virtual Status flush() = 0;
  // Everything appended before the call is on stable storage.
  virtual Status sync(bool with_metadata) = 0;
  // Starts (or finishes) writing back logical bytes; no promise of durability.
  virtual Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) = 0;
  // Reserves space for logical bytes.
  virtual Status reserve(std::uint64_t offset, std::uint64_t length) = 0;
  // Only to the present size: nothing acknowledged is ever cut or written again.
  virtual Status truncate(std::uint64_t size_bytes) = 0;
  virtual Status close() = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
};

struct ReadRequest {
  std::uint64_t offset;
  MutableByteView out;
  std::size_t done = 0;  // bytes read; fewer than out.size() only at the end
  Status status;
};

// Thread-safe.
class RandomFile {
 public:
  virtual ~RandomFile() = default;

  // Bytes read; fewer than asked only at the end. Code::integrity names file and block.
  virtual Result<std::size_t> read(std::uint64_t offset, MutableByteView out) = 0;
  // Each request gets its own status.
  virtual void read_many(std::span<ReadRequest> requests) = 0;
  virtual void advise_random(bool random) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
  // Survives rename, link and restart; unique over all stores.
  [[nodiscard]] virtual FileId id() const = 0;
};

// One thread at a time.
class SequentialFile {
 public:
  virtual ~SequentialFile() = default;

  // Bytes read; 0 at the present end. A log's end moves while its writer appends: read again.
  virtual Result<std::size_t> read(MutableByteView out) = 0;
  virtual Status skip(std::uint64_t bytes) = 0;
};

}  // namespace keyhold::store
